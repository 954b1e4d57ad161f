export { builtInChecks, checkContext, smokeImage, structureTestImage, type SmokeOptions } from "./smoke";
export { runChecks, type Offers } from "./run-checks";
