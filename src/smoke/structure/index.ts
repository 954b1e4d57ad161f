export { parseStructureFile, readStructureFile } from "./parse";
export { runStructureTests } from "./run-structure-tests";
export type { StructureFile } from "./structure-file";
