export { availablePackages, availableVersions } from "./available-versions";
export { checkLock, lockCheckFailed, type LockExpectation, type LockProblem } from "./check-lock";
export { isSealed, sealed } from "./integrity";
export { parseLock, readLock, writeLock } from "./lock-file";
export { changedDeb, movedTags } from "./moved-inputs";
export { outdatedInputs, newestVersion, type OutdatedInput, type OutdatedOptions } from "./outdated";
export { parseMesaVersion } from "./mesa-version";
export { repositoryFiles, type RepositoryFile } from "./repository-files";
export { resolveLock, type LockRequest } from "./resolve-lock";
export { sameInputs } from "./same-inputs";
export { untrustedFingerprints } from "./trusted-key";
export { openUpstream } from "./open-upstream";
export { loadUpstream, parseUpstream, type Upstream } from "./upstream";
export { vendoredUpstreamText, VENDORED_KEY } from "./vendored-upstream";
export {
  vendoredArchive,
  vendoredContents,
  vendoredFolder,
  writeVendoredContents,
  type BuiltArchive,
} from "./vendored-folder";
