import SemVer from "semver/classes/semver";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../entry";

/** All entries, newest first: by Mesa version, then template, then revision. */
export function sortedEntries(manifest: Manifest): ManifestEntry[] {
  return Object.values(manifest.versions)
    .map((entry) => ({ entry, version: new SemVer(entry.mesaVersion) }))
    .sort(
      ({ entry: a, version }, { entry: b, version: other }) =>
        other.compare(version) ||
        (a.template < b.template ? -1 : a.template > b.template ? 1 : b.revision - a.revision),
    )
    .map(({ entry }) => entry);
}

/** The templates of entries, sorted. */
export function templatesOf(entries: readonly ManifestEntry[]): readonly string[] {
  return [...new Set(entries.map(({ template }) => template))].sort();
}

/** The entry with the highest revision. */
export function newestRevision(entries: readonly ManifestEntry[]): ManifestEntry | undefined {
  return entries.reduce<ManifestEntry | undefined>(
    (before, entry) => (before === undefined || entry.revision > before.revision ? entry : before),
    undefined,
  );
}

/**
 * The revision that a release works on: the newest entry of a template's Mesa version if it has the same inputs and is not withdrawn, else
 * the next revision.
 * @param entries those of that template and Mesa version
 * @returns with the continued entry; undefined for a new revision
 */
export function nextRevision(
  entries: readonly ManifestEntry[],
  inputsDigest: string,
): { readonly revision: number; readonly entry: ManifestEntry | undefined } {
  const newest = newestRevision(entries);
  if (newest === undefined) return { revision: 1, entry: undefined };
  if (newest.inputsDigest === inputsDigest && !isWithdrawn(newest.status))
    return { revision: newest.revision, entry: newest };
  return { revision: newest.revision + 1, entry: undefined };
}
