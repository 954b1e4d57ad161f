import type { Manifest, ManifestEntry } from "../manifest/entry";
import { sortedEntries } from "../manifest/versions/newest";

/** Each template's newest proven version, and every version that a channel points at. */
export function inUse(
  manifest: Manifest,
  templates: readonly string[] | undefined,
): readonly ManifestEntry[] {
  const pointedAt = new Set(Object.values(manifest.channels).flatMap((channels) => Object.values(channels)));
  const seen = new Set<string>();
  return sortedEntries(manifest).filter((entry) => {
    if (templates?.includes(entry.template) === false) return false;
    if (!["smoked", "deployed", "verified"].includes(entry.status)) return false;
    const newest = !seen.has(entry.template);
    seen.add(entry.template);
    return newest || pointedAt.has(entry.id);
  });
}
