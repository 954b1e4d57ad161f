export { buildImage, builderFor, type BuildOptions } from "./build-image";
export { imageTag, INPUTS_LABEL } from "./built-image";
