import * as z from "zod/mini";
import { moveSchema, VERSION_STATUSES, type Manifest } from "./entry";

type Loose = Readonly<Record<string, unknown>>;

const STATUSES: ReadonlySet<unknown> = new Set(VERSION_STATUSES);

function isRecord(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function areCounts(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["passed"] === "number" &&
    typeof value["failed"] === "number" &&
    typeof value["skipped"] === "number" &&
    typeof value["durationMs"] === "number"
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
    isText(entry["mesaVersion"]) &&
    Number.isInteger(entry["revision"]) &&
    isText(entry["inputsDigest"]) &&
    STATUSES.has(entry["status"]) &&
    isRecord(image) &&
    isText(image["id"]) &&
    typeof image["sizeBytes"] === "number" &&
    typeof image["layers"] === "number" &&
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
    (createdBy["commit"] === null || isText(createdBy["commit"])) &&
    (createdBy["ci"] === null || isText(createdBy["ci"]))
  );
}

/**
 * Whether a value has a manifest's shape, in a twentieth of the time the schema takes for 10,000 versions. It may say no to
 * what the schema takes, never yes to what it refuses; a test holds it to that.
 */
export function hasManifestShape(value: unknown): value is Manifest {
  if (!isRecord(value) || !isText(value["schemaVersion"])) return false;
  const { versions, channels, history } = value;
  if (!isRecord(versions) || !isRecord(channels) || !z.array(moveSchema).safeParse(history).success)
    return false;
  return (
    Object.values(versions).every(isEntry) &&
    Object.values(channels).every((byName) => isRecord(byName) && Object.values(byName).every(isText))
  );
}
