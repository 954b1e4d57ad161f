export { buildImage } from "./build-image";
export { INPUTS_LABEL } from "./built-image";
