export { readManifest } from "./read";
export { updateManifest } from "./update";
export { recordEntry } from "./versions/record-entry";
export { mergeManifests } from "./merge";
