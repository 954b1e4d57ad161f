import type { Manifest, ManifestEntry } from "../entry";

export interface NextRevision {
  readonly revision: number;
  /** The continued entry; undefined for a new revision. */
  readonly entry: ManifestEntry | undefined;
}

/**
 * The revision that a release works on: the newest entry of (template, version) if it has the same inputs and is not withdrawn, else the
 * next revision.
 */
export function nextRevision(
  manifest: Manifest,
  template: string,
  mesaVersion: string,
  inputsDigest: string,
): NextRevision {
  let newest: ManifestEntry | undefined;
  for (const entry of Object.values(manifest.versions)) {
    if (entry.template !== template || entry.mesaVersion !== mesaVersion) continue;
    if (newest === undefined || entry.revision > newest.revision) newest = entry;
  }
  if (newest === undefined) return { revision: 1, entry: undefined };
  const withdrawn = newest.status === "revoked" || newest.status === "removed";
  if (newest.inputsDigest === inputsDigest && !withdrawn) return { revision: newest.revision, entry: newest };
  return { revision: newest.revision + 1, entry: undefined };
}
