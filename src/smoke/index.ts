export {
  checkContext,
  readTestFiles,
  smokeChecks,
  smokeImage,
  type SmokeOptions,
  type TestFiles,
} from "./smoke";
export { askedPorts } from "./checks-file/index";
export { proveImage } from "./prove-image";
export { runChecks, type Offers } from "./run-checks";
