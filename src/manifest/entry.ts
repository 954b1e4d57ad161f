import * as z from "zod/mini";
import { deploymentFields } from "../deploy/deployment";

/** The schema that this program writes, "MAJOR.MINOR". A newer minor version is read and preserved, a newer major one refused. */
export const MANIFEST_SCHEMA_VERSION = "2.0";

export const VERSION_STATUSES = ["smoked", "deployed", "verified", "failed", "revoked", "removed"] as const;
export type VersionStatus = (typeof VERSION_STATUSES)[number];

/** Whether a version must not be used or continued, whatever its deployments are. */
export function isWithdrawn(status: VersionStatus | undefined): status is "revoked" | "removed" {
  return status === "revoked" || status === "removed";
}

/** Placeholder for evidence that an older schema did not record: it proves nothing. */
export const NOT_RECORDED = "unknown";

const NAME = /^[a-z][a-z0-9-]*$/u;

/** What the name of a template or a channel consists of. */
export const NAME_RULE =
  "A name consists of lower-case letters, digits and hyphens, and starts with a letter.";

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
  /** Digest of the built-in checks and every test file. */
  checksDigest: z.string(),
  /** The same of the template's own checks, if others (--checks, --structure-tests) ran besides them. */
  ownChecksDigest: z.optional(z.string()),
  /** Whether Mesa was really mounted, written to and read back. */
  mounted: z.boolean(),
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  durationMs: z.number(),
  /** Names of the skipped checks. */
  notRun: z.array(z.string()),
};

/** The result of the checks in a container of one image. */
export const smokeSchema = z.looseObject({
  imageId: z.string(),
  inputsDigest: z.string(),
  ...evidenceFields,
});

/** The result of the checks in a sandbox of one deployed image. */
export const verificationSchema = z.looseObject({
  image: z.string(),
  at: moment,
  ...evidenceFields,
});

/** A version's deployment in one Blaxel workspace. */
export const deploymentSchema = z.looseObject({
  ...deploymentFields,
  /** The newest one in this workspace; null: never verified there. */
  verification: z.nullable(verificationSchema),
  /** When the image was removed from the workspace. */
  removedAt: z.optional(moment),
});

const failureSchema = z.looseObject({
  stage: z.string(),
  code: z.string(),
  message: z.string(),
  /** Where it failed. */
  workspace: z.optional(z.string()),
});

const statement = { reason: z.string(), at: moment, by: z.string() };

/** Why and when a version was revoked, and by whom; `lifted`: the same for its unrevocation. */
const revocationSchema = z.looseObject({
  ...statement,
  lifted: z.optional(z.looseObject(statement)),
});

/** One template version. Unknown fields are preserved (loose objects): a newer minor schema may have written them. */
export const entrySchema = z.looseObject({
  /** template@mesaVersion-revision */
  id: z.string(),
  template: name("template"),
  mesaVersion: z.string().check(z.regex(VERSION, "it is not a version")),
  revision: z.int().check(z.minimum(1)),
  inputsDigest: z.string(),
  /** The version's furthest status in any workspace. */
  status: z.enum(VERSION_STATUSES),
  image: z.looseObject({
    /** Config digest: the same on every engine. */
    id: z.string(),
    sizeBytes: z.number(),
    layers: z.number(),
    registryDigest: z.optional(z.string()),
    registryReference: z.optional(z.string()),
    /** Signer of its provenance and SBOM in the registry: the key's id (digest of its public part), or "cosign". */
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
    /** Whether the working tree had uncommitted changes. */
    dirty: z.optional(z.boolean()),
    ci: z.nullable(z.string()),
  }),
  /** Time of the last change; decides between two copies when manifests are merged. */
  updatedAt: z.optional(moment),
});

/** One move of a channel or (channel null) a revocation or unrevocation; kept forever. */
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

export type Revocation = z.infer<typeof revocationSchema>;
export type Verification = z.infer<typeof verificationSchema>;
export type VersionDeployment = z.infer<typeof deploymentSchema>;
export type ManifestEntry = z.infer<typeof entrySchema>;
export type ChannelMove = z.infer<typeof moveSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** An empty manifest. */
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
