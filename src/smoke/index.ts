export {
  checkContext,
  readTestFiles,
  smokeChecks,
  smokeImage,
  type SmokeOptions,
  type TestFiles,
} from "./smoke";
export { askedPorts } from "./checks-file/file-checks";
export { proveImage } from "./prove-image";
export { runChecks, type Offers } from "./run-checks";
