import * as z from "zod/mini";

/** A built image on the engine. */
export const imageSchema = z.object({
  template: z.string(),
  mesaVersion: z.string(),
  /** Digest of its configuration, sha256:…; the same on every engine. */
  id: z.string(),
  /** Its local name. */
  reference: z.string(),
  sizeBytes: z.number(),
  /** Oldest first. */
  layers: z.readonly(
    z.array(
      z.object({
        createdBy: z.string(),
        /** Bytes of its files. */
        sizeBytes: z.number(),
        /** Whether it belongs to the base image. */
        fromBase: z.exactOptional(z.boolean()),
      }),
    ),
  ),
  inputsDigest: z.string(),
  /** The builder that made it. */
  builder: z.enum(["buildkit", "classic", "buildx"]),
});

export type Image = Readonly<z.infer<typeof imageSchema>>;

/** Whether an image has an allowed size. A megabyte is 10^6 bytes. */
export function isWithinBudget({ sizeBytes }: Pick<Image, "sizeBytes">, budgetMegabytes: number): boolean {
  return sizeBytes / 1_000_000 <= budgetMegabytes;
}
