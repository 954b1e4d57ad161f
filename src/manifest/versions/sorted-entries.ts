import compare from "semver/functions/compare";
import type { Manifest, ManifestEntry } from "../entry";

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
