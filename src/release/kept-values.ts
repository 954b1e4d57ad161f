import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { SmokeReport } from "../smoke/report";

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether a kept result has the shape of an image (an older or damaged file does not, and is made again). */
export function isImage(value: unknown): value is Image {
  return (
    isRecord(value) &&
    typeof value["id"] === "string" &&
    typeof value["reference"] === "string" &&
    typeof value["sizeBytes"] === "number" &&
    Array.isArray(value["layers"]) &&
    typeof value["inputsDigest"] === "string"
  );
}

/** Whether a kept result has the shape of a smoke report. */
export function isSmokeReport(value: unknown): value is SmokeReport {
  return (
    isRecord(value) &&
    typeof value["passed"] === "number" &&
    typeof value["failed"] === "number" &&
    typeof value["skipped"] === "number" &&
    typeof value["durationMs"] === "number" &&
    Array.isArray(value["checks"])
  );
}

/** Whether a kept result has the shape of a deployment. */
export function isDeployment(value: unknown): value is Deployment {
  return (
    isRecord(value) &&
    ["workspace", "sandbox", "image", "deployedAt", "blVersion"].every(
      (name) => typeof value[name] === "string",
    )
  );
}
