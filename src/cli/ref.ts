import type { Manifest, ManifestEntry } from "../manifest/entry";
import compare from "semver/functions/compare";
import { wrongUsage } from "./command-line";
import { Failure } from "../support/errors";

const ID = /^([a-z][a-z0-9-]*)@(.+)-(\d+)$/u;

function newestOf(manifest: Manifest, template: string, version: string): ManifestEntry | undefined {
  return Object.values(manifest.versions)
    .filter(
      (entry) => entry.template === template && entry.mesaVersion === version && entry.status !== "revoked",
    )
    .sort((a, b) => b.revision - a.revision)[0];
}

function unknown(ref: string, manifest: Manifest): Failure {
  const ids = sortedEntries(manifest)
    .slice(0, 8)
    .map((entry) => entry.id);
  return wrongUsage(
    `Nothing is called ${ref} in the manifest.`,
    ids.length === 0
      ? "The manifest is empty: release a version first."
      : `A REF is an id, a Mesa version or a channel. There are: ${ids.join(", ")}.`,
  );
}

/**
 * The entries a REF stands for: an id names one; a Mesa version (its newest revision that was not revoked) and a channel stand
 * for every template, unless `templates` narrows them.
 * @throws Failure USAGE (exit 2); REVOKED (exit 2) for a channel whose version was withdrawn
 */
export function entriesOf(
  manifest: Manifest,
  ref: string,
  templates: readonly string[] | undefined,
): readonly ManifestEntry[] {
  const wanted = (template: string): boolean => templates?.includes(template) ?? true;
  const exact = manifest.versions[ref];
  if (exact !== undefined) {
    if (!wanted(exact.template))
      throw wrongUsage(`${ref} is not a version of ${(templates ?? []).join(", ")}.`);
    return [exact];
  }
  if (ID.test(ref)) throw unknown(ref, manifest);
  const names = [...new Set(Object.values(manifest.versions).map((entry) => entry.template))]
    .filter(wanted)
    .sort();
  const byVersion = names.flatMap((template) => newestOf(manifest, template, ref) ?? []);
  if (byVersion.length > 0) return byVersion;
  const byChannel = Object.entries(manifest.channels)
    .filter(([template, channels]) => wanted(template) && channels[ref] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, channels]) => channels[ref] ?? "");
  if (byChannel.length === 0) throw unknown(ref, manifest);
  return byChannel.map((id) => {
    const entry = manifest.versions[id];
    if (entry === undefined)
      throw new Failure({
        code: "MANIFEST_BROKEN",
        kind: "manifest",
        message: `The channel ${ref} points at ${id}, which the manifest does not hold.`,
        hint: "mesa-template manifest check shows everything that is wrong with it.",
      });
    if (entry.status === "revoked")
      throw new Failure({
        code: "REVOKED",
        kind: "usage",
        message: `The channel ${ref} points at ${id}, which was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
        hint: `Roll the channel back: mesa-template rollback ${ref}.`,
      });
    return entry;
  });
}

/** The one entry a REF stands for. @throws Failure USAGE (exit 2) listing them when there are several */
export function oneEntry(
  manifest: Manifest,
  ref: string,
  templates: readonly string[] | undefined,
): ManifestEntry {
  const found = entriesOf(manifest, ref, templates);
  const [entry] = found;
  if (found.length > 1 || entry === undefined)
    throw wrongUsage(
      `${ref} stands for several versions: ${found.map((one) => one.id).join(", ")}.`,
      "Name the template with --template, or give the id.",
    );
  return entry;
}

/** All entries, newest first: by Mesa version, then template, then revision. Each version is parsed once, however many entries have it. */
export function sortedEntries(manifest: Manifest): ManifestEntry[] {
  const versions = [...new Set(Object.values(manifest.versions).map((entry) => entry.mesaVersion))].sort(
    (a, b) => compare(b, a),
  );
  const rank = new Map(versions.map((version, at) => [version, at]));
  const place = (entry: ManifestEntry): number => rank.get(entry.mesaVersion) ?? 0;
  return Object.values(manifest.versions).sort(
    (a, b) =>
      place(a) - place(b) ||
      (a.template < b.template ? -1 : a.template > b.template ? 1 : b.revision - a.revision),
  );
}
