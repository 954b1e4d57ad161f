export { measureImage } from "./measure-image";
export { recordFolder, readRecord, writeRecord } from "./store";
export { sbomOf, SBOM_FILE } from "./sbom";
export { provenanceOf, PROVENANCE_FILE } from "./provenance";
