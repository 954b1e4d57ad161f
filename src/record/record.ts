import * as z from "zod/mini";
import type { HeldFile } from "../docker/saved-image/index";
import { lockSchema } from "../lock/lock";

/** A package in the image's package database. */
const packageSchema = z.strictObject({
  manager: z.enum(["dpkg", "apk"]),
  name: z.string(),
  version: z.string(),
  architecture: z.string(),
});

/** What was measured when a template version was built; enough to compare two versions without their images. */
export const recordSchema = z.looseObject({
  schemaVersion: z.literal(1),
  id: z.string(),
  template: z.string(),
  mesaVersion: z.string(),
  revision: z.int(),
  inputsDigest: z.string(),
  image: z.looseObject({
    id: z.string(),
    sizeBytes: z.number(),
    layers: z.array(
      z.looseObject({ createdBy: z.string(), sizeBytes: z.number(), fromBase: z.optional(z.boolean()) }),
    ),
    /** NAME → value */
    env: z.record(z.string(), z.string()),
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    user: z.string(),
    workdir: z.string(),
    ports: z.array(z.string()),
    /** The image in the registry, if it was published. */
    registry: z.optional(z.strictObject({ reference: z.string(), digest: z.string() })),
    /** PRETTY_NAME of /etc/os-release; "" if missing. */
    distribution: z.string(),
  }),
  packages: z.array(packageSchema),
  smoke: z.array(z.looseObject({ name: z.string(), outcome: z.string(), durationMs: z.number() })),
  lock: lockSchema,
  /** Texts of the rendered files by name, without lock.json; for binary files size and hash. */
  rendered: z.record(z.string(), z.string()),
});

export type Package = Readonly<z.infer<typeof packageSchema>>;
export type VersionRecord = Readonly<z.infer<typeof recordSchema>>;

/** One path of an image's file system. */
export type MeasuredFile = Omit<HeldFile, "text">;

/** A record with its list of files. */
export interface Measured {
  readonly record: VersionRecord;
  readonly files: readonly MeasuredFile[];
}
