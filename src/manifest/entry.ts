import * as z from "zod/mini";

/** "MAJOR.MINOR" of what this program writes. A newer minor is read and kept, a newer major is refused. */
export const MANIFEST_SCHEMA_VERSION = "2.0";

export const VERSION_STATUSES = ["smoked", "deployed", "verified", "failed", "revoked", "removed"] as const;
export type VersionStatus = (typeof VERSION_STATUSES)[number];

/** In place of a piece of evidence that an older schema did not record: what was not recorded was not proven. */
export const NOT_RECORDED = "unknown";

const NAME = /^[a-z][a-z0-9-]*$/u;

/** A version as semver.org defines it (its own suggested expression). */
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/u;

const moment = z.string();
const name = (what: string) =>
  z
    .string()
    .check(
      z.regex(NAME, `a ${what} consists of lower-case letters, digits and hyphens, and starts with a letter`),
    );

/** Whether a template or a channel can have this name. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

const evidenceFields = {
  /** Revision of the built-in checks and every test file that was used. */
  checksDigest: z.string(),
  /** Whether Mesa was mounted for real, written to and read back. */
  mounted: z.boolean(),
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  durationMs: z.number(),
  /** Names of the checks that could not run. */
  notRun: z.array(z.string()),
};

/** What was seen in a container of one image. */
export const smokeSchema = z.looseObject({
  imageId: z.string(),
  inputsDigest: z.string(),
  ...evidenceFields,
});

/** What was seen in a sandbox of one deployed image. */
export const verificationSchema = z.looseObject({
  image: z.string(),
  at: moment,
  ...evidenceFields,
});

/** What one workspace of Blaxel holds of a version. */
export const deploymentSchema = z.looseObject({
  workspace: z.string(),
  sandbox: z.string(),
  /** Immutable reference, sandbox/NAME:TAG. */
  image: z.string(),
  registryDigest: z.optional(z.string()),
  deployedAt: moment,
  blVersion: z.string(),
  /** The newest one of this workspace; null: never verified there. */
  verification: z.nullable(verificationSchema),
  /** When the image was removed from the workspace. */
  removedAt: z.optional(moment),
});

export const failureSchema = z.looseObject({
  stage: z.string(),
  code: z.string(),
  message: z.string(),
  /** Where it failed. */
  workspace: z.optional(z.string()),
});

const statement = { reason: z.string(), at: moment, by: z.string() };

/** Why and when a version was revoked, and by whom; `lifted`: the same of taking that back. */
export const revocationSchema = z.looseObject({
  ...statement,
  lifted: z.optional(z.looseObject(statement)),
});

/** One template version. Unknown fields survive a round trip (loose objects): a newer minor schema may have written them. */
export const entrySchema = z.looseObject({
  /** template@mesaVersion-revision */
  id: z.string(),
  template: name("template"),
  mesaVersion: z.string().check(z.regex(VERSION, "it is not a version")),
  revision: z.int().check(z.minimum(1)),
  inputsDigest: z.string(),
  /** The furthest that the version has come in any workspace. */
  status: z.enum(VERSION_STATUSES),
  image: z.looseObject({
    /** Config digest: the same on every engine. */
    id: z.string(),
    sizeBytes: z.number(),
    layers: z.number(),
    registryDigest: z.optional(z.string()),
    registryReference: z.optional(z.string()),
    /** Who signed its provenance and SBOM in the registry: the key's id (digest of its public part), or "cosign". */
    signedBy: z.optional(z.string()),
  }),
  smoke: smokeSchema,
  /** By workspace. */
  deployments: z.record(z.string(), deploymentSchema),
  failure: z.nullable(failureSchema),
  revocation: z.optional(revocationSchema),
  createdAt: moment,
  createdBy: z.looseObject({
    commit: z.nullable(z.string()),
    /** Whether the working tree differed from the commit. */
    dirty: z.optional(z.boolean()),
    ci: z.nullable(z.string()),
  }),
  /** When it last changed: what tells which of two copies is the later one when manifests are joined. */
  updatedAt: z.optional(moment),
});

/** One move of a channel, or (channel null) a version that was revoked or unrevoked; kept for ever. */
export const moveSchema = z.looseObject({
  template: name("template"),
  channel: z.nullable(name("channel")),
  action: z.enum(["promote", "rollback", "revoke", "unrevoke", "delete"]),
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
  at: moment,
  by: z.string(),
  reason: z.optional(z.string()),
});

export const manifestSchema = z.looseObject({
  schemaVersion: z.string(),
  /** By id. */
  versions: z.record(z.string(), entrySchema),
  /** template → channel → id */
  channels: z.record(name("template"), z.record(name("channel"), z.string())),
  /** Oldest first. */
  history: z.array(moveSchema),
});

export type SmokeEvidence = z.infer<typeof smokeSchema>;
export type Revocation = z.infer<typeof revocationSchema>;
export type Verification = z.infer<typeof verificationSchema>;
export type VersionDeployment = z.infer<typeof deploymentSchema>;
export type ManifestEntry = z.infer<typeof entrySchema>;
export type ChannelMove = z.infer<typeof moveSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

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
