import { canonicalJson } from "../support/canonical-json";
import type { ManifestEntry, VersionStatus } from "./entry";

/** How far a version has come. What was withdrawn never comes back, so that it is later than anything else. */
const REACHED: Readonly<Record<VersionStatus, number>> = {
  smoked: 0,
  failed: 1,
  deployed: 2,
  verified: 3,
  revoked: 4,
  removed: 5,
};

function isWithdrawn({ status }: ManifestEntry): boolean {
  return status === "revoked" || status === "removed";
}

/**
 * The later one of two states of the same version: what was withdrawn, else what changed last, else what has come further.
 * @returns undefined when they are not the same version (other inputs, another build), or when nothing tells which one is later
 */
export function laterEntry(one: ManifestEntry, other: ManifestEntry): ManifestEntry | undefined {
  if (canonicalJson(one) === canonicalJson(other)) return one;
  if (one.inputsDigest !== other.inputsDigest || one.createdAt !== other.createdAt) return undefined;
  const reached = REACHED[one.status] - REACHED[other.status];
  if (reached !== 0 && (isWithdrawn(one) || isWithdrawn(other))) return reached > 0 ? one : other;
  const [a, b] = [one.updatedAt ?? "", other.updatedAt ?? ""];
  if (a !== b) return a > b ? one : other;
  return reached === 0 ? undefined : reached > 0 ? one : other;
}
