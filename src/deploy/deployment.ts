/** What Blaxel holds after a deploy that was seen running. */
export interface Deployment {
  readonly workspace: string;
  /** Name of the sandbox (or of the image, where only that was published). */
  readonly sandbox: string;
  /** Immutable reference sandbox/NAME:TAG; never latest. */
  readonly image: string;
  readonly deployedAt: string;
  readonly blVersion: string;
}
