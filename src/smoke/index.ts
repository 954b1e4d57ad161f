export { checkContext, readTestFiles, smokeChecks, smokeImage, type TestFiles } from "./smoke";
export { askedPorts } from "./checks-file/file-checks";
export { proveImage } from "./prove-image";
export { runChecks } from "./run-checks";
