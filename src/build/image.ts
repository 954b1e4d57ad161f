/** A layer of a built image, oldest first. */
interface ImageLayer {
  readonly createdBy: string;
  /** Bytes of its files. */
  readonly sizeBytes: number;
  /** Whether it belongs to the base image. */
  readonly fromBase?: boolean;
}

/** A built image on the engine. */
export interface Image {
  readonly template: string;
  readonly mesaVersion: string;
  /** Digest of its configuration, sha256:…; the same on every engine. */
  readonly id: string;
  /** Its local tag, e.g. mesa-template/debian:0.20.0-<first 12 of the inputs digest> */
  readonly reference: string;
  readonly sizeBytes: number;
  readonly layers: readonly ImageLayer[];
  readonly inputsDigest: string;
  /** The builder that made it. */
  readonly builder: "buildkit" | "classic" | "buildx";
}
