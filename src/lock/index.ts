export { availableVersions } from "./available-versions";
export { isSealed, sealed } from "./integrity";
export { parseLock, readLock, writeLock } from "./lock-file";
export { parseMesaVersion } from "./mesa-version";
export { resolveLock, type LockRequest } from "./resolve-lock";
export { sameInputs } from "./same-inputs";
export { untrustedFingerprints } from "./trusted-key";
export { loadUpstream, parseUpstream, type Upstream } from "./upstream";
