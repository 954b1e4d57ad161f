export { buildImage, imageTag, INPUTS_LABEL, type BuildOptions } from "./build-image";
