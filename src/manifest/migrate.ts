import { Failure } from "../support/errors";
import { MANIFEST_SCHEMA_VERSION, type ChannelMove } from "./entry";
import { lineAt, lineOfPath, unreadable } from "./unreadable";

type Loose = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A channel of 0.9 stood there without its history: it begins with the move that brought it where it is. */
function firstMove(template: string, channel: string, entry: Loose): ChannelMove {
  const deployment = isRecord(entry["deployment"]) ? entry["deployment"] : {};
  return {
    template,
    channel,
    action: "promote",
    from: null,
    to: String(entry["id"]),
    at: String(deployment["deployedAt"] ?? entry["createdAt"]),
    by: "unknown",
    reason: "schema 0.9 kept no history",
  };
}

/** 0.9 kept versions in an array and channels flat, as "template/channel": id. */
function fromZeroNine(old: Loose, text: string, path: string): Loose {
  const versions: Record<string, Loose> = {};
  const list: unknown = old["versions"];
  for (const entry of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    const id = isRecord(entry) && typeof entry["id"] === "string" ? entry["id"] : undefined;
    if (!isRecord(entry) || id === undefined)
      throw unreadable(path, lineOfPath(text, ["versions"]), "a version has no id");
    if (Object.hasOwn(versions, id)) {
      const second = text.lastIndexOf(JSON.stringify(id));
      throw unreadable(path, lineAt(text, second), `"${id}" stands there twice`);
    }
    versions[id] = entry;
  }
  const channels: Record<string, Record<string, unknown>> = {};
  const history: ChannelMove[] = [];
  for (const [name, id] of Object.entries(isRecord(old["channels"]) ? old["channels"] : {})) {
    const [template = "", channel = ""] = name.split("/");
    (channels[template] ??= {})[channel] = id;
    const entry = versions[String(id)];
    if (entry !== undefined) history.push(firstMove(template, channel, entry));
  }
  history.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return { ...old, schemaVersion: MANIFEST_SCHEMA_VERSION, versions, channels, history };
}

/**
 * Brings an older manifest to today's schema. A newer minor version is taken as it is, a newer major one refused, and so is
 * one that never was.
 * @throws Failure MANIFEST_NEWER, MANIFEST_UNREADABLE (exit 8)
 */
export function migrate(value: unknown, text: string, path: string): unknown {
  if (!isRecord(value) || typeof value["schemaVersion"] !== "string") return value;
  const version = value["schemaVersion"];
  if (version === "0.9") return fromZeroNine(value, text, path);
  const [major, known] = [version, MANIFEST_SCHEMA_VERSION].map((one) => Number(one.split(".")[0]));
  if (!/^\d+\.\d+$/u.test(version) || major === undefined || known === undefined || major < known)
    throw unreadable(
      path,
      lineOfPath(text, ["schemaVersion"]),
      `"${version}" is no schema version that can be read (0.9 and ${MANIFEST_SCHEMA_VERSION} on)`,
    );
  if (major > known)
    throw new Failure({
      code: "MANIFEST_NEWER",
      kind: "manifest",
      message: `${path}, line ${String(lineOfPath(text, ["schemaVersion"]))}: it has the schema version ${version}; this program knows ${MANIFEST_SCHEMA_VERSION}.`,
      hint: "Update mesa-blaxel-templates.",
    });
  return value;
}
