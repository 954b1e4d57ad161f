import compare from "semver/functions/compare";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../entry";

/** All entries, newest first: by Mesa version, then template, then revision. Parses each version once, however many entries have it. */
export function sortedEntries(manifest: Manifest): ManifestEntry[] {
  const byVersion = new Map<string, ManifestEntry[]>();
  for (const entry of Object.values(manifest.versions)) {
    const same = byVersion.get(entry.mesaVersion);
    if (same === undefined) byVersion.set(entry.mesaVersion, [entry]);
    else same.push(entry);
  }
  return [...byVersion.keys()]
    .sort((a, b) => compare(b, a))
    .flatMap((version) =>
      (byVersion.get(version) ?? []).sort((a, b) =>
        a.template < b.template ? -1 : a.template > b.template ? 1 : b.revision - a.revision,
      ),
    );
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
