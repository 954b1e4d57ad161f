export { checkContext, readTestFiles, smokeChecks, smokeImage, type TestFiles } from "./smoke";
export { needsOf } from "./checks-file/file-checks";
export { proveImage } from "./prove-image";
export { runChecks } from "./run-checks";
