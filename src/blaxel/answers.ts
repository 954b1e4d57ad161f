import * as z from "zod/mini";

/** What this program reads of bl's JSON; everything else may change. */
export const sandboxAnswer = z.array(
  z.object({
    metadata: z.object({
      name: z.string(),
      url: z.optional(z.string()),
      updatedAt: z.optional(z.string()),
      createdAt: z.optional(z.string()),
    }),
    spec: z.object({
      region: z.optional(z.string()),
      runtime: z.optional(
        z.object({
          image: z.optional(z.string()),
          envs: z.optional(
            z.nullable(z.array(z.object({ name: z.string(), value: z.optional(z.string()) }))),
          ),
        }),
      ),
    }),
    status: z.string(),
  }),
);

export const imageAnswer = z.array(
  z.object({
    metadata: z.object({
      name: z.string(),
      status: z.optional(z.string()),
      updatedAt: z.optional(z.string()),
    }),
    spec: z.object({
      tags: z.optional(
        z.nullable(z.array(z.object({ name: z.string(), createdAt: z.optional(z.string()) }))),
      ),
    }),
  }),
);

export const dryRunAnswer = z.object({
  dryRun: z.literal(true),
  files: z.array(z.object({ name: z.string(), size: z.number() })),
});

export const deployAnswer = z.object({
  success: z.boolean(),
  resources: z.array(
    z.object({ name: z.optional(z.string()), status: z.optional(z.string()), error: z.optional(z.string()) }),
  ),
});
