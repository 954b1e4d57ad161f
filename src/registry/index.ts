export { listTags } from "./list-tags";
export { parseImageReference } from "./reference";
export { resolveImage, type RegistryOptions, type ResolvedImage } from "./resolve-image";
