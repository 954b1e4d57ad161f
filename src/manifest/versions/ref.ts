import { type Failure, wrongUsage } from "../../support/errors";
import { didYouMean } from "../../support/text/nearest";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../entry";
import { channelsOf, channelTarget, versionNamed } from "../channels/pointing";
import { newestRevision, sortedEntries, templatesOf } from "./newest";
import { revokedFailure } from "./usable-image";

const ID = /^([a-z][a-z0-9-]*)@(.+)-(\d+)$/u;

/** The failure for an unknown REF, with the nearest name in the requested templates. */
function unknown(ref: string, manifest: Manifest, wanted: (template: string) => boolean): Failure {
  const about = ID.exec(ref)?.[1];
  const asked = (template: string): boolean =>
    wanted(template) && (about === undefined || template === about);
  const entries = sortedEntries(manifest).filter(({ template }) => asked(template));
  const channels = Object.keys(manifest.channels)
    .filter(asked)
    .flatMap((template) => Object.keys(channelsOf(manifest, template)));
  const names = new Set([...entries.flatMap(({ id, mesaVersion }) => [id, mesaVersion]), ...channels]);
  const ids = entries.slice(0, 8).map(({ id }) => id);
  const guess = didYouMean(ref, names.size === 0 ? Object.keys(manifest.versions) : names);
  const elsewhere = Object.keys(manifest.channels).filter((template) =>
    Object.hasOwn(channelsOf(manifest, template), ref),
  );
  return wrongUsage(
    elsewhere.length === 0
      ? `Nothing is called ${ref} in the manifest.`
      : `The channel ${ref} exists only for ${elsewhere.join(", ")}.`,
    Object.keys(manifest.versions).length === 0
      ? "The manifest is empty. Release a version first: mesa-template release VERSION."
      : `${guess === "" ? "" : `${guess} `}${ids.length === 0 ? "This template has no versions yet. Release one: mesa-template release VERSION." : `A REF is an id, a Mesa version or a channel. Known: ${ids.join(", ")}.`}`,
  );
}

/**
 * Refuses template names that neither the manifest nor a folder has.
 * @throws Failure USAGE (exit 2) with the nearest one
 */
export function refuseUnknownTemplates(
  asked: readonly string[] | undefined,
  known: ReadonlySet<string>,
): void {
  const bad = asked?.find((name) => !known.has(name));
  if (bad === undefined) return;
  const names = [...known].sort();
  throw wrongUsage(
    `There is no template ${bad}.`,
    [didYouMean(bad, names), `There are: ${names.join(", ") || "none"}.`].join(" ").trim(),
  );
}

/**
 * The entries of a REF: an id names one. A Mesa version (its newest revision that is not revoked) and a channel apply to every template,
 * unless `templates` narrows them.
 * @throws Failure USAGE (exit 2); REVOKED (exit 2) for a channel with a revoked version
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
        "An id already names the template: omit --template.",
      );
    return [exact];
  }
  if (ID.test(ref)) throw unknown(ref, manifest, wanted);
  const ofVersion = Object.values(manifest.versions).filter(
    ({ template, mesaVersion }) => mesaVersion === ref && wanted(template),
  );
  const byVersion = templatesOf(ofVersion).flatMap(
    (name) =>
      newestRevision(ofVersion.filter(({ template, status }) => template === name && status !== "revoked")) ??
      [],
  );
  if (byVersion.length > 0) return byVersion;
  const revoked = newestRevision(ofVersion);
  if (revoked !== undefined) throw revokedFailure(revoked);
  const byChannel = Object.keys(manifest.channels)
    .filter(wanted)
    .sort()
    .flatMap((template) => versionNamed(manifest, channelTarget(manifest, template, ref) ?? "") ?? []);
  if (byChannel.length === 0) throw unknown(ref, manifest, wanted);
  const withdrawn = byChannel.find(({ status }) => status === "revoked");
  if (withdrawn === undefined) return byChannel;
  throw revokedFailure(
    withdrawn,
    `The channel ${ref} points at ${withdrawn.id}, which`,
    `Roll the channel back: mesa-template rollback ${ref} --template ${withdrawn.template}.`,
  );
}

/**
 * Refuses entries of a Mesa version that other templates in use lack: a move applies to all templates or to none.
 * @param kept templates that still have a folder; undefined: unknown, then all in the manifest
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
    if (!isWithdrawn(status) && (kept?.includes(template) ?? true)) lacking.add(template);
  for (const { template } of found) lacking.delete(template);
  if (lacking.size === 0 || found.some(({ id, mesaVersion }) => id === ref || mesaVersion !== ref)) return;
  const names = found.map(({ template }) => template).join(",");
  const revoked = Object.values(manifest.versions).filter(
    ({ template, mesaVersion, status }) =>
      lacking.has(template) && mesaVersion === ref && status === "revoked",
  );
  throw wrongUsage(
    `${[...lacking].sort().join(", ")} ${lacking.size === 1 ? "has" : "have"} no usable version of Mesa ${ref}${revoked.length === 0 ? "" : ` (revoked: ${revoked.map(({ id }) => id).join(", ")})`}; a Mesa version is promoted for every template or for none.`,
    `Name the templates: --template ${names}.${revoked.length === 0 ? ` Or release it: mesa-template release ${ref}.` : ""}`,
  );
}

/** The only entry of a REF. @throws Failure USAGE (exit 2) listing them if there are several */
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
