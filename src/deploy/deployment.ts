import * as z from "zod/mini";

/** A deploy that was seen running on Blaxel. */
export const deploymentFields = {
  workspace: z.string(),
  /** Name of the sandbox (or of the image, where only that was published). */
  sandbox: z.string(),
  /** Immutable reference in Blaxel's notation: sandbox/NAME:TAG (never latest), or REGISTRY/NAME@sha256:… for an imported image. */
  image: z.string(),
  /** Digest of the imported image in the registry; undefined: Blaxel built its own image from the source. */
  registryDigest: z.optional(z.string()),
  deployedAt: z.string(),
  blVersion: z.string(),
};

export type Deployment = Readonly<z.infer<z.ZodMiniObject<typeof deploymentFields>>>;
