export { availablePackages, availableVersions } from "./available-versions";
export {
  checkLock,
  lockCheckFailed,
  readLockAndCompare,
  type LockExpectation,
  type LockProblem,
} from "./check-lock";
export { isSealed, sameInputs, sealed } from "./lock-file";
export { parseLock, readAnyLock, readLock, writeLock } from "./lock-file";
export { changedDeb, changedDownloads, movedTags } from "./moved-inputs";
export { outdatedInputs, newestVersion, type OutdatedInput, type OutdatedOptions } from "./outdated";
export { parseMesaVersion } from "./mesa-version";
export { resolveLock, type LockRequest } from "./resolve-lock";
export { untrustedFingerprints } from "./trusted-key";
export { loadUpstream, parseUpstream, type Upstream } from "./upstream";
