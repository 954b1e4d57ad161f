import { canonicalJson } from "../support/canonical-json";
import { Failure } from "../support/errors";
import type { ChannelMove, Manifest } from "./entry";

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** Joins two histories: every move once, oldest first. */
export function mergeHistory(ours: readonly ChannelMove[], theirs: readonly ChannelMove[]): ChannelMove[] {
  const seen = new Map<string, ChannelMove>();
  for (const move of [...ours, ...theirs]) seen.set(canonicalJson(move), move);
  return [...seen.values()].sort((a, b) =>
    a.at < b.at ? -1 : a.at > b.at ? 1 : canonicalJson(a) < canonicalJson(b) ? -1 : 1,
  );
}

function conflict(what: string): Failure {
  return new Failure({
    code: "MANIFEST_MERGE_CONFLICT",
    kind: "manifest",
    message: `The two manifests say different things of ${what}.`,
    hint: "Decide which one holds and take the other out before merging.",
  });
}

/** The channel's id after its newest move in a joined history. */
function newestTarget(
  history: readonly ChannelMove[],
  template: string,
  channel: string,
): string | null | undefined {
  return history.filter((move) => move.template === template && move.channel === channel).at(-1)?.to;
}

/**
 * Joins the manifests of two runs by entry. An entry that both hold with different contents is a conflict; channels follow
 * the newest move.
 * @throws Failure MANIFEST_MERGE_CONFLICT (exit 8)
 */
export function mergeManifests(ours: Manifest, theirs: Manifest): Manifest {
  const versions = { ...ours.versions };
  for (const [id, entry] of Object.entries(theirs.versions)) {
    const own = versions[id];
    if (own !== undefined && !same(own, entry)) throw conflict(id);
    versions[id] = entry;
  }
  const history = mergeHistory(ours.history, theirs.history);
  const channels: Record<string, Record<string, string>> = {};
  for (const [template, byName] of [...Object.entries(ours.channels), ...Object.entries(theirs.channels)]) {
    for (const [channel, id] of Object.entries(byName)) {
      const held = channels[template]?.[channel];
      const newest = newestTarget(history, template, channel);
      if (held !== undefined && held !== id && newest == null)
        throw conflict(`the channel ${channel} of ${template}`);
      (channels[template] ??= {})[channel] = newest ?? id;
    }
  }
  return { ...theirs, ...ours, versions, channels, history };
}
