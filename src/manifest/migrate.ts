import { Failure } from "../support/errors";
import { MANIFEST_SCHEMA_VERSION } from "./entry";

interface Old {
  readonly versions?: unknown;
  readonly channels?: unknown;
}

/** 0.9 kept versions in an array and channels flat, as "template/channel": id. */
function fromZeroNine(old: Old): Record<string, unknown> {
  const versions = Array.isArray(old.versions) ? (old.versions as readonly { readonly id?: unknown }[]) : [];
  const channels: Record<string, Record<string, unknown>> = {};
  for (const [name, id] of Object.entries((old.channels ?? {}) as Record<string, unknown>)) {
    const [template = "", channel = ""] = name.split("/");
    (channels[template] ??= {})[channel] = id;
  }
  return {
    history: [],
    ...old,
    schemaVersion: MANIFEST_SCHEMA_VERSION,
    versions: Object.fromEntries(versions.map((entry) => [String(entry.id), entry])),
    channels,
  };
}

/** Brings an older manifest to today's schema. A newer minor version is taken as it is, a newer major one refused. */
export function migrate(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !("schemaVersion" in value))
    return value;
  const version = String(value.schemaVersion);
  if (version === "0.9") return fromZeroNine(value as Old);
  const major = Number(version.split(".")[0]);
  if (major > Number(MANIFEST_SCHEMA_VERSION.split(".")[0])) {
    throw new Failure({
      code: "MANIFEST_NEWER",
      kind: "manifest",
      message: `${path} has the schema version ${version}; this program knows ${MANIFEST_SCHEMA_VERSION}.`,
      hint: "Update mesa-blaxel-templates.",
    });
  }
  return value;
}
