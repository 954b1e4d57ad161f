import { canonicalJson } from "../support/canonical-json";
import { Failure } from "../support/errors";
import type { ChannelMove, Manifest } from "./entry";
import { laterEntry } from "./later-entry";

/** Joins two histories: every move once, oldest first. */
export function mergeHistory(ours: readonly ChannelMove[], theirs: readonly ChannelMove[]): ChannelMove[] {
  const seen = new Map<string, ChannelMove>();
  for (const move of [...ours, ...theirs]) seen.set(canonicalJson(move), move);
  return [...seen]
    .sort(([a, one], [b, other]) =>
      one.at < other.at ? -1 : one.at > other.at ? 1 : a < b ? -1 : a > b ? 1 : 0,
    )
    .map(([, move]) => move);
}

function conflict(what: string): Failure {
  return new Failure({
    code: "MANIFEST_MERGE_CONFLICT",
    kind: "manifest",
    message: `The two manifests say different things of ${what}, and nothing tells which one came later.`,
    hint: "Decide which one holds and take the other out before merging.",
  });
}

function mergeVersions(ours: Manifest["versions"], theirs: Manifest["versions"]): Manifest["versions"] {
  const versions = new Map(Object.entries(ours));
  for (const [id, entry] of Object.entries(theirs)) {
    const own = versions.get(id);
    const later = own === undefined ? entry : laterEntry(own, entry);
    if (later === undefined) throw conflict(id);
    versions.set(id, later);
  }
  return Object.fromEntries(versions);
}

/** Where each channel points: where its newest move went. One that neither history knows must be the same on both sides. */
function mergeChannels(
  ours: Manifest,
  theirs: Manifest,
  history: readonly ChannelMove[],
): Manifest["channels"] {
  const name = (template: string, channel: string): string => `${template}/${channel}`;
  const moved = new Map(history.map(({ template, channel, to }) => [name(template, channel), to]));
  const channels: Record<string, Record<string, string>> = {};
  for (const [template, byName] of [...Object.entries(ours.channels), ...Object.entries(theirs.channels)]) {
    const merged = (channels[template] ??= {});
    for (const [channel, id] of Object.entries(byName)) {
      const newest = moved.get(name(template, channel));
      const held = merged[channel];
      if (newest === undefined && held !== undefined && held !== id)
        throw conflict(`the channel ${channel} of ${template}`);
      if (newest !== null) merged[channel] = newest ?? id;
    }
  }
  return channels;
}

/** The newer of two schema versions with the same major number. */
function newerSchema(a: string, b: string): string {
  return Number(a.split(".")[1]) >= Number(b.split(".")[1]) ? a : b;
}

/**
 * Joins the manifests of two runs by entry. Of an entry that both hold the later state counts; where nothing tells which one
 * that is, it is a conflict. Channels follow the newest move. Joined again it stays the same, in whatever order.
 * @throws Failure MANIFEST_MERGE_CONFLICT (exit 8)
 */
export function mergeManifests(ours: Manifest, theirs: Manifest): Manifest {
  const history = mergeHistory(ours.history, theirs.history);
  const merged: Manifest = {
    ...theirs,
    ...ours,
    schemaVersion: newerSchema(ours.schemaVersion, theirs.schemaVersion),
    versions: mergeVersions(ours.versions, theirs.versions),
    channels: mergeChannels(ours, theirs, history),
    history,
  };
  return canonicalJson(merged) === canonicalJson(ours) ? ours : merged;
}
