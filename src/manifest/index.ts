export { readManifest, parseManifest } from "./read";
export { updateManifest } from "./update";
export { recordEntry } from "./record-entry";
export { nextRevision } from "./next-revision";
export { mergeManifests } from "./merge";
