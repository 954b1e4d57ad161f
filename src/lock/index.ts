export { checkLock, lockCheckFailed, type CheckedLock } from "./check-lock";
export { parseLock, readAnyLock, readLock, sameInputs, sealed, writeLock } from "./lock-file";
export { changedDeb, changedDownloads, movedTags } from "./moved-inputs";
export { outdatedInputs, newestVersion, type OutdatedInput } from "./outdated";
export { availableVersions } from "./mesa-packages";
export { parseMesaVersion } from "./mesa-version";
export { resolveLock } from "./resolve-lock";
export { untrustedFingerprints } from "./trusted-key";
export { loadUpstream, type Upstream } from "./upstream";
