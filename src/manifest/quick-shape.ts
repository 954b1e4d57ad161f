import { VERSION_STATUSES, type ChannelMove, type Manifest } from "./entry";
import { isVersion } from "./version";

type Loose = Readonly<Record<string, unknown>>;

const STATUSES: ReadonlySet<unknown> = new Set(VERSION_STATUSES);

function isRecord(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema's number: finite, which a number too large for JSON.parse is not. */
function isNumber(value: unknown): boolean {
  return Number.isFinite(value);
}

function areCounts(value: unknown): boolean {
  return (
    isRecord(value) &&
    isNumber(value["passed"]) &&
    isNumber(value["failed"]) &&
    isNumber(value["skipped"]) &&
    isNumber(value["durationMs"])
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isEntry(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  const { image, deployment, failure, revocation, createdBy } = entry;
  return (
    isText(entry["id"]) &&
    isText(entry["template"]) &&
    typeof entry["mesaVersion"] === "string" &&
    isVersion(entry["mesaVersion"]) &&
    Number.isSafeInteger(entry["revision"]) &&
    isText(entry["inputsDigest"]) &&
    STATUSES.has(entry["status"]) &&
    isRecord(image) &&
    isText(image["id"]) &&
    isNumber(image["sizeBytes"]) &&
    isNumber(image["layers"]) &&
    areCounts(entry["smoke"]) &&
    (entry["verification"] === null || areCounts(entry["verification"])) &&
    (deployment === null ||
      (isRecord(deployment) &&
        ["workspace", "sandbox", "image", "deployedAt", "blVersion"].every((key) =>
          isText(deployment[key]),
        ))) &&
    (failure === null ||
      (isRecord(failure) && ["stage", "code", "message"].every((key) => isText(failure[key])))) &&
    (revocation === undefined ||
      (isRecord(revocation) && ["reason", "at", "by"].every((key) => isText(revocation[key])))) &&
    isText(entry["createdAt"]) &&
    isRecord(createdBy) &&
    isTextOrNull(createdBy["commit"]) &&
    isTextOrNull(createdBy["ci"]) &&
    (entry["updatedAt"] === undefined || isText(entry["updatedAt"]))
  );
}

const ACTIONS: ReadonlySet<unknown> = new Set<ChannelMove["action"]>(["promote", "rollback", "revoke"]);

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value);
}

function isMove(move: unknown): boolean {
  return (
    isRecord(move) &&
    ["template", "channel", "at", "by"].every((key) => isText(move[key])) &&
    ACTIONS.has(move["action"]) &&
    isTextOrNull(move["from"]) &&
    isTextOrNull(move["to"]) &&
    (move["reason"] === undefined || isText(move["reason"]))
  );
}

/**
 * Whether a value has a manifest's shape, in a twentieth of the time the schema takes for 10,000 versions. It may say no to
 * what the schema takes, never yes to what it refuses; a test holds it to that.
 */
export function hasManifestShape(value: unknown): value is Manifest {
  if (!isRecord(value) || !isText(value["schemaVersion"])) return false;
  const { versions, channels, history } = value;
  return (
    isRecord(versions) &&
    isRecord(channels) &&
    Array.isArray(history) &&
    history.every(isMove) &&
    Object.values(versions).every(isEntry) &&
    Object.values(channels).every((byName) => isRecord(byName) && Object.values(byName).every(isText))
  );
}
