import type { Manifest, ManifestEntry } from "./entry";

/**
 * The manifest with an entry put in; what it already says of that id beyond this schema's fields is kept. One that was revoked
 * or removed while the run was under way stays so.
 * @param at when, ISO 8601
 */
export function recordEntry(manifest: Manifest, entry: ManifestEntry, at: string): Manifest {
  const before = manifest.versions[entry.id];
  const withdrawn = before?.status === "revoked" || before?.status === "removed";
  const now = { ...before, ...entry, ...(withdrawn ? { status: before.status } : {}), updatedAt: at };
  return { ...manifest, versions: { ...manifest.versions, [entry.id]: now } };
}
