/** What Blaxel holds after a deploy that was seen running. */
export interface Deployment {
  readonly workspace: string;
  /** Name of the sandbox (or of the image, where only that was published). */
  readonly sandbox: string;
  /** Immutable reference, as Blaxel names it: sandbox/NAME:TAG (never latest), or REGISTRY/NAME@sha256:… for one that it imported. */
  readonly image: string;
  /** Digest of the image in the registry that Blaxel imported; without it Blaxel built its own image from the source. */
  readonly registryDigest?: string | undefined;
  readonly deployedAt: string;
  readonly blVersion: string;
}
