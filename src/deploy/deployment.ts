/** A deploy that was seen running on Blaxel. */
export interface Deployment {
  readonly workspace: string;
  /** Name of the sandbox (or of the image, where only that was published). */
  readonly sandbox: string;
  /** Immutable reference in Blaxel's notation: sandbox/NAME:TAG (never latest), or REGISTRY/NAME@sha256:… for an imported image. */
  readonly image: string;
  /** Digest of the imported image in the registry; undefined: Blaxel built its own image from the source. */
  readonly registryDigest?: string | undefined;
  readonly deployedAt: string;
  readonly blVersion: string;
}
