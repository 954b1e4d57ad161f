export { listTags } from "./list-tags";
export { imageNotFound } from "./failures";
export { parseImageReference, registryEndpoint, type ImageReference } from "./reference";
export { resolveImage, type RegistryOptions, type ResolvedImage } from "./resolve-image";
