import type { infer as Inferred } from "zod/mini";
import type { entrySchema, manifestSchema, moveSchema } from "./schema";

export const VERSION_STATUSES = ["smoked", "deployed", "verified", "failed", "revoked", "removed"] as const;
export type VersionStatus = (typeof VERSION_STATUSES)[number];

export type ManifestEntry = Inferred<typeof entrySchema>;
export type ChannelMove = Inferred<typeof moveSchema>;
export type Manifest = Inferred<typeof manifestSchema>;

export const MANIFEST_SCHEMA_VERSION = "1.0";

/** A manifest that holds nothing yet. */
export const EMPTY_MANIFEST: Manifest = {
  schemaVersion: MANIFEST_SCHEMA_VERSION,
  versions: {},
  channels: {},
  history: [],
};

/** The id of a template version. */
export function versionId(template: string, mesaVersion: string, revision: number): string {
  return `${template}@${mesaVersion}-${String(revision)}`;
}
