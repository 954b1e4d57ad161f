// A separate file that is loaded as one chunk: a bundled CommonJS package has no named exports when imported dynamically.
export { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
export { PackageURL } from "packageurl-js";
