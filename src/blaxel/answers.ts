import * as z from "zod/mini";

/** Fields that bl's SDK omits or fills with "" or null if the platform has no value. */
const text = z.nullish(z.string());

/** The parts of bl's JSON that this program reads; everything else may change. */
export const sandboxAnswer = z.array(
  z.object({
    metadata: z.object({ name: z.string(), url: text, updatedAt: text, createdAt: text }),
    spec: z.nullish(
      z.object({
        region: text,
        runtime: z.nullish(
          z.object({ image: text, envs: z.nullish(z.array(z.object({ name: z.string(), value: text }))) }),
        ),
      }),
    ),
    status: text,
  }),
);

export const imageAnswer = z.array(
  z.object({
    metadata: z.object({ name: z.string(), status: text, updatedAt: text }),
    spec: z.nullish(z.object({ tags: z.nullish(z.array(z.object({ name: z.string(), createdAt: text }))) })),
  }),
);

/** Without a file to upload, bl omits `files`. */
export const dryRunAnswer = z.object({
  dryRun: z.literal(true),
  files: z.nullish(z.array(z.object({ name: z.string(), size: z.number() }))),
});

export const deployAnswer = z.object({
  success: z.boolean(),
  resources: z.array(z.object({ name: text, status: text, error: text })),
});
