import * as z from "zod/mini";
import { VERSION_STATUSES } from "./entry";
import { isVersion } from "./version";

const moment = z.string();

const counts = z.looseObject({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  durationMs: z.number(),
});

/** One template version. Unknown fields survive a round trip (loose objects): a newer minor schema may have written them. */
export const entrySchema = z.looseObject({
  /** template@mesaVersion-revision */
  id: z.string(),
  template: z.string(),
  mesaVersion: z.string().check(z.refine(isVersion, "it is no version")),
  revision: z.int(),
  inputsDigest: z.string(),
  status: z.enum(VERSION_STATUSES),
  image: z.looseObject({ id: z.string(), sizeBytes: z.number(), layers: z.number() }),
  smoke: counts,
  verification: z.nullable(counts),
  deployment: z.nullable(
    z.looseObject({
      workspace: z.string(),
      sandbox: z.string(),
      image: z.string(),
      deployedAt: moment,
      blVersion: z.string(),
    }),
  ),
  failure: z.nullable(z.looseObject({ stage: z.string(), code: z.string(), message: z.string() })),
  /** Why and when it was revoked, and by whom. */
  revocation: z.optional(z.looseObject({ reason: z.string(), at: moment, by: z.string() })),
  createdAt: moment,
  createdBy: z.looseObject({ commit: z.nullable(z.string()), ci: z.nullable(z.string()) }),
  /** When it last changed: what tells which of two copies is the later one when manifests are joined. */
  updatedAt: z.optional(moment),
});

/** One move of a channel, kept for ever. */
export const moveSchema = z.looseObject({
  template: z.string(),
  channel: z.string(),
  action: z.enum(["promote", "rollback", "revoke"]),
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
  at: moment,
  by: z.string(),
  reason: z.optional(z.string()),
});

export const manifestSchema = z.looseObject({
  /** "MAJOR.MINOR": a newer minor is read and kept, a newer major is refused. */
  schemaVersion: z.string(),
  /** By id. */
  versions: z.record(z.string(), entrySchema),
  /** template → channel → id */
  channels: z.record(z.string(), z.record(z.string(), z.string())),
  /** Oldest first. */
  history: z.array(moveSchema),
});
