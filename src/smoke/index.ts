export { builtInChecks, checkContext, smokeImage, type SmokeOptions } from "./smoke";
export { runChecks, type Offers } from "./run-checks";
