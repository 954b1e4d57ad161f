export { measureImage } from "./measure-image";
export { readRecord, writeRecord } from "./store";
export { sbomOf, SBOM_FILE } from "./sbom";
export { provenanceOf, PROVENANCE_FILE } from "./provenance";
