import * as z from "zod/mini";
import { Failure } from "../support/errors";
import { MANIFEST_SCHEMA_VERSION, NOT_RECORDED } from "./entry";
import { lineOfPath, misshapen, unreadable } from "./unreadable";

/** The parts of a schema 1.x entry that the migration needs; today's schema checks the result. */
const oldEntry = z.looseObject({
  inputsDigest: z.string(),
  smoke: z.looseObject({}),
  verification: z.nullable(z.looseObject({})),
  deployment: z.nullable(z.looseObject({ workspace: z.string(), image: z.string(), deployedAt: z.string() })),
  failure: z.nullable(z.looseObject({})),
});
const oldManifest = z.looseObject({ versions: z.record(z.string(), oldEntry) });

/** Placeholders for what schema 1.x did not record of a result. */
const UNKNOWN_EVIDENCE = { checksDigest: NOT_RECORDED, mounted: false, notRun: [] };

/**
 * Converts an entry of schema 1.x to 2.0: its only deployment moves under its workspace. 1.x did not record the time of a verification; it
 * gets that of the deployment before it.
 */
function entryFromOne({ deployment, verification, ...entry }: z.infer<typeof oldEntry>): unknown {
  const workspace = deployment?.workspace;
  const verified =
    verification === null || deployment === null
      ? null
      : { ...UNKNOWN_EVIDENCE, ...verification, image: deployment.image, at: deployment.deployedAt };
  return {
    ...entry,
    smoke: {
      ...UNKNOWN_EVIDENCE,
      ...entry.smoke,
      imageId: NOT_RECORDED,
      inputsDigest: entry.inputsDigest,
    },
    deployments:
      deployment === null ? {} : { [deployment.workspace]: { ...deployment, verification: verified } },
    failure:
      entry.failure === null || workspace === undefined ? entry.failure : { ...entry.failure, workspace },
  };
}

/** @throws Failure MANIFEST_UNREADABLE (exit 8) */
function fromOne(value: unknown, text: string, path: string): unknown {
  const parsed = oldManifest.safeParse(value);
  if (!parsed.success) throw misshapen(text, path, parsed.error);
  const { versions, ...rest } = parsed.data;
  return {
    ...rest,
    schemaVersion: MANIFEST_SCHEMA_VERSION,
    versions: Object.fromEntries(Object.entries(versions).map(([id, entry]) => [id, entryFromOne(entry)])),
  };
}

/**
 * Converts an older manifest to today's schema. Accepts a newer minor version; refuses newer major and unknown versions.
 * @throws Failure MANIFEST_NEWER, MANIFEST_UNREADABLE (exit 8)
 */
export function migrate(value: unknown, text: string, path: string): unknown {
  const stated = z.looseObject({ schemaVersion: z.string() }).safeParse(value);
  if (!stated.success) return value;
  const version = stated.data.schemaVersion;
  if (/^1\.\d+$/u.test(version)) return fromOne(value, text, path);
  const [major, known] = [version, MANIFEST_SCHEMA_VERSION].map((one) => Number(one.split(".")[0]));
  if (!/^\d+\.\d+$/u.test(version) || major === undefined || known === undefined || major < known)
    throw unreadable(
      path,
      lineOfPath(text, ["schemaVersion"]),
      `"${version}" is not a schema version that can be read (1.0 and later)`,
    );
  if (major > known)
    throw new Failure({
      code: "MANIFEST_NEWER",
      kind: "manifest",
      message: `${path}, line ${String(lineOfPath(text, ["schemaVersion"]))}: it has the schema version ${version}; this program supports up to ${MANIFEST_SCHEMA_VERSION}.`,
      hint: "Update mesa-blaxel-templates.",
    });
  return value;
}
