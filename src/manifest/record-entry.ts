import type { Manifest, ManifestEntry } from "./entry";

/** The manifest with an entry put in; what it already says of that id beyond this schema's fields is kept. */
export function recordEntry(manifest: Manifest, entry: ManifestEntry): Manifest {
  const before = manifest.versions[entry.id];
  return { ...manifest, versions: { ...manifest.versions, [entry.id]: { ...before, ...entry } } };
}
