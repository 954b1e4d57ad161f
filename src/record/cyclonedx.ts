// Named in a file of its own, which is loaded as one part: a bundled CommonJS package that is imported on demand has no names.
export { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
export { PackageURL } from "packageurl-js";
