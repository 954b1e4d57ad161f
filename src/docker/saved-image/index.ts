export { configDigestOf, findImage, imageGone, readImage } from "./read-image";
export { APK_INSTALLED, DPKG_STATUS, OS_RELEASE } from "./read-layer";
export type { HeldFile } from "./merge-layers";
export type { ImageContents, LayerFile } from "./read-saved-image";
