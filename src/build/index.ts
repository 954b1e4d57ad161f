export { buildImage } from "./build-image";
export { imageTag, INPUTS_LABEL } from "./built-image";
