import { Failure } from "../../support/errors";
import type { ManifestEntry } from "../entry";
import { newestDeployment } from "./in-workspace";

/**
 * The immutable image of a version, sandbox/NAME:TAG, when it may be used.
 * @throws Failure REVOKED with the reason, or NOT_DEPLOYED (both exit 2)
 */
export function usableImage(entry: ManifestEntry): string {
  if (entry.status === "revoked")
    throw new Failure({
      code: "REVOKED",
      kind: "usage",
      message: `${entry.id} was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
      hint: "Use another version.",
    });
  const deployment = newestDeployment(entry);
  if (deployment === undefined || (entry.status !== "verified" && entry.status !== "deployed"))
    throw new Failure({
      code: "NOT_DEPLOYED",
      kind: "usage",
      message: `${entry.id} is ${entry.status}: there is no image of it to use.`,
      hint: `Release it: mesa-template release ${entry.mesaVersion} --template ${entry.template}.`,
    });
  return deployment.image;
}
