import { Failure } from "../../support/errors";
import type { Manifest, ManifestEntry } from "../entry";
import { channelTarget, versionNamed } from "../channels/pointing";
import { sortedEntries } from "./sorted-entries";

const ID = /^([a-z][a-z0-9-]*)@(.+)-(\d+)$/u;

function wrongUsage(message: string, hint: string): Failure {
  return new Failure({ code: "USAGE", kind: "usage", message, hint });
}

function newestOf(manifest: Manifest, template: string, version: string): ManifestEntry | undefined {
  let newest: ManifestEntry | undefined;
  for (const entry of Object.values(manifest.versions)) {
    if (entry.template !== template || entry.mesaVersion !== version || entry.status === "revoked") continue;
    if (newest === undefined || entry.revision > newest.revision) newest = entry;
  }
  return newest;
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
  const exact = versionNamed(manifest, ref);
  if (exact !== undefined) {
    if (!wanted(exact.template))
      throw wrongUsage(
        `${ref} is not a version of ${(templates ?? []).join(", ")}.`,
        "An id names its template already: leave --template out.",
      );
    return [exact];
  }
  if (ID.test(ref)) throw unknown(ref, manifest);
  const names = [...new Set(Object.values(manifest.versions).map((entry) => entry.template))]
    .filter(wanted)
    .sort();
  const byVersion = names.flatMap((template) => newestOf(manifest, template, ref) ?? []);
  if (byVersion.length > 0) return byVersion;
  const byChannel = Object.keys(manifest.channels)
    .filter(wanted)
    .sort()
    .flatMap((template) => channelTarget(manifest, template, ref) ?? []);
  if (byChannel.length === 0) throw unknown(ref, manifest);
  return byChannel.map((id) => pointedAt(manifest, ref, id));
}

/** The version a channel points at, unless nobody may use it. */
function pointedAt(manifest: Manifest, channel: string, id: string): ManifestEntry {
  const entry = versionNamed(manifest, id);
  if (entry === undefined)
    throw new Failure({
      code: "MANIFEST_BROKEN",
      kind: "manifest",
      message: `The channel ${channel} points at ${id}, which the manifest does not hold.`,
      hint: "mesa-template manifest check shows everything that is wrong with it.",
    });
  if (entry.status === "revoked")
    throw new Failure({
      code: "REVOKED",
      kind: "usage",
      message: `The channel ${channel} points at ${id}, which was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
      hint: `Roll the channel back: mesa-template rollback ${channel}.`,
    });
  return entry;
}

/**
 * Refuses entries of a Mesa version that other templates in use lack: what stands for every template is moved for all of them
 * or for none.
 * @param kept templates that still have a folder; undefined: not known, then all that the manifest holds
 * @throws Failure USAGE (exit 2) that names the templates without that version
 */
export function refuseSomeTemplates(
  manifest: Manifest,
  ref: string,
  found: readonly ManifestEntry[],
  kept: readonly string[] | undefined,
): void {
  const lacking = new Set<string>();
  for (const { template, status } of Object.values(manifest.versions))
    if (status !== "revoked" && status !== "removed" && (kept?.includes(template) ?? true))
      lacking.add(template);
  for (const { template } of found) lacking.delete(template);
  if (lacking.size === 0 || found.some(({ id, mesaVersion }) => id === ref || mesaVersion !== ref)) return;
  const names = found.map(({ template }) => template).join(",");
  throw wrongUsage(
    `${[...lacking].sort().join(", ")} ${lacking.size === 1 ? "has" : "have"} no usable version of Mesa ${ref}; a Mesa version is taken for every template or for none.`,
    `Release it: mesa-template release ${ref}. Or say that only some are meant: --template ${names}.`,
  );
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
