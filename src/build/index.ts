export { buildImage } from "./build-image";
export { imageName, INPUTS_LABEL } from "./built-image";
