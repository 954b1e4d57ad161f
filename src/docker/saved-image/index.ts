export { configDigestOf, provenImage } from "./read-image";
export { APK_INSTALLED, DPKG_STATUS, OS_RELEASE, type HeldFile } from "./read-layer";
export type { ImageContents } from "./read-saved-image";
