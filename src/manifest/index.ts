export { readManifest, parseManifest } from "./read";
export { updateManifest } from "./update";
export { recordEntry } from "./versions/record-entry";
export { nextRevision } from "./versions/newest";
export { inWorkspace } from "./versions/in-workspace";
export { revocationOf } from "./channels/revoke";
export { mergeManifests } from "./merge";
