import type { Manifest, ManifestEntry } from "../entry";
import { summaryStatus } from "./in-workspace";

/**
 * The manifest with an entry put in. What it already has of that version beyond this schema's fields is kept, and so are the
 * deployments in other workspaces. The status is derived from deployments and failure; a version that was revoked or removed
 * while the run was under way stays so.
 * @param at when, ISO 8601
 */
export function recordEntry(manifest: Manifest, entry: ManifestEntry, at: string): Manifest {
  const before = Object.hasOwn(manifest.versions, entry.id) ? manifest.versions[entry.id] : undefined;
  const withdrawn = before?.status === "revoked" || before?.status === "removed";
  const merged = {
    ...before,
    ...entry,
    deployments: { ...before?.deployments, ...entry.deployments },
    ...(withdrawn ? { status: before.status } : {}),
    updatedAt: at,
  };
  const recorded = { ...merged, status: summaryStatus(merged) };
  return { ...manifest, versions: { ...manifest.versions, [entry.id]: recorded } };
}

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
