import type { Manifest } from "./entry";

/** The manifest after versions were removed: they stay in it, as `removed`. The very same when there are none of them. */
export function markRemoved(manifest: Manifest, ids: ReadonlySet<string>, at: string): Manifest {
  const concerned = Object.entries(manifest.versions).filter(
    ([id, { status }]) => ids.has(id) && status !== "removed",
  );
  if (concerned.length === 0) return manifest;
  const removed = concerned.map(
    ([id, entry]) => [id, { ...entry, status: "removed" as const, updatedAt: at }] as const,
  );
  return { ...manifest, versions: { ...manifest.versions, ...Object.fromEntries(removed) } };
}
