import { Failure } from "../support/errors";
import type { ChannelMove, Manifest, ManifestEntry } from "./entry";

/** Who moved a channel, when, and why. */
export interface MoveFacts {
  readonly at: string;
  readonly by: string;
  readonly reason?: string | undefined;
}

function refused(message: string, hint: string): Failure {
  return new Failure({ code: "CHANNEL_REFUSED", kind: "usage", message, hint });
}

function entryOf(manifest: Manifest, id: string): ManifestEntry {
  const entry = manifest.versions[id];
  if (entry === undefined)
    throw refused(`There is no version ${id}.`, "mesa-template list shows what there is.");
  return entry;
}

/** Why a channel may not point at an entry, or undefined. */
function whyNot(entry: ManifestEntry, unverified: boolean): string | undefined {
  if (entry.status === "verified") return undefined;
  if (entry.status === "deployed") return unverified ? undefined : "it was deployed but not verified";
  if (entry.status === "revoked") return `it was revoked: ${entry.revocation?.reason ?? "no reason given"}`;
  if (entry.status === "failed") return `it failed: ${entry.failure?.message ?? "no cause kept"}`;
  return `it is ${entry.status}`;
}

function moved(
  manifest: Manifest,
  template: string,
  channel: string,
  to: string | null,
  action: ChannelMove["action"],
  facts: MoveFacts,
): Manifest {
  const before = manifest.channels[template] ?? {};
  const move: ChannelMove = {
    template,
    channel,
    action,
    from: before[channel] ?? null,
    to,
    at: facts.at,
    by: facts.by,
    ...(facts.reason === undefined ? {} : { reason: facts.reason }),
  };
  const others = Object.fromEntries(Object.entries(before).filter(([name]) => name !== channel));
  const after = to === null ? others : { ...others, [channel]: to };
  return {
    ...manifest,
    channels: { ...manifest.channels, [template]: after },
    history: [...manifest.history, move],
  };
}

/** A channel's name: what can stand in a command line and is no version. */
function checkName(channel: string): void {
  if (!/^[a-z][a-z0-9-]*$/u.test(channel))
    throw refused(
      `"${channel}" cannot be a channel's name.`,
      "A name is lower-case letters, digits and hyphens, and begins with a letter.",
    );
}

/**
 * Points a channel at versions, all of them or none.
 * @throws Failure CHANNEL_REFUSED (exit 2) when one of them may not be used
 */
export function promote(
  manifest: Manifest,
  ids: readonly string[],
  channel: string,
  facts: MoveFacts,
  unverified = false,
): Manifest {
  checkName(channel);
  for (const id of ids) {
    const why = whyNot(entryOf(manifest, id), unverified);
    if (why !== undefined)
      throw refused(
        `${id} cannot become ${channel}: ${why}.`,
        why.includes("not verified")
          ? `Verify it (mesa-template verify ${id}), or give --unverified.`
          : "Choose another version.",
      );
  }
  return ids.reduce((after, id) => {
    const { template } = entryOf(manifest, id);
    return after.channels[template]?.[channel] === id
      ? after
      : moved(after, template, channel, id, "promote", facts);
  }, manifest);
}

/** The version a channel pointed at before its current one and that can still be used. */
export function rollbackTarget(manifest: Manifest, template: string, channel: string): string | undefined {
  const current = manifest.channels[template]?.[channel];
  // Moves are undone from the newest on: what a rollback already left behind is not gone back to.
  const stack: string[] = [];
  for (const move of manifest.history) {
    if (move.template !== template || move.channel !== channel || move.to === null) continue;
    const at = move.action === "promote" ? -1 : stack.lastIndexOf(move.to);
    if (at >= 0) stack.length = at + 1;
    else stack.push(move.to);
  }
  const usable = (id: string): boolean =>
    id !== current && ["verified", "deployed"].includes(manifest.versions[id]?.status ?? "");
  const below = stack.lastIndexOf(current ?? "");
  return stack
    .slice(0, below < 0 ? stack.length : below)
    .reverse()
    .find(usable);
}

/** Takes a channel back, in every given template, to what it pointed at before (or to `to`). */
export function rollback(
  manifest: Manifest,
  templates: readonly string[],
  channel: string,
  facts: MoveFacts,
  to?: string,
): Manifest {
  const holding = templates.filter((template) => manifest.channels[template]?.[channel] !== undefined);
  if (holding.length === 0)
    throw refused(`No template has a channel ${channel}.`, "mesa-template channels shows what there is.");
  const chosen = to === undefined ? holding : [entryOf(manifest, to).template];
  return chosen.reduce((after, template) => {
    const target = to ?? rollbackTarget(manifest, template, channel);
    if (target === undefined)
      throw refused(
        `${channel} of ${template} has nothing to go back to: ${manifest.channels[template]?.[channel] ?? "it"} is the first usable version it pointed at.`,
        "Give a version with --to.",
      );
    const why = whyNot(entryOf(manifest, target), true);
    if (why !== undefined)
      throw refused(`${channel} cannot go back to ${target}: ${why}.`, "Give another version with --to.");
    return moved(after, template, channel, target, "rollback", facts);
  }, manifest);
}

/** Channels that point at a version. */
export function channelsAt(manifest: Manifest, id: string): readonly string[] {
  const template = manifest.versions[id]?.template ?? "";
  return Object.entries(manifest.channels[template] ?? {})
    .filter(([, target]) => target === id)
    .map(([channel]) => channel);
}

/**
 * Withdraws a version. Channels that point at it are taken back when `withRollback` says so (or cleared where there is
 * nothing to go back to); otherwise they are left, and using them fails with the reason.
 */
export function revoke(
  manifest: Manifest,
  id: string,
  facts: MoveFacts & { readonly reason: string },
  withRollback: boolean,
): Manifest {
  const entry = entryOf(manifest, id);
  const pointing = channelsAt(manifest, id);
  const revoked: Manifest = {
    ...manifest,
    versions: {
      ...manifest.versions,
      [id]: { ...entry, status: "revoked", revocation: { reason: facts.reason, at: facts.at, by: facts.by } },
    },
  };
  if (!withRollback) return revoked;
  return pointing.reduce(
    (after, channel) =>
      moved(
        after,
        entry.template,
        channel,
        rollbackTarget(after, entry.template, channel) ?? null,
        "revoke",
        facts,
      ),
    revoked,
  );
}
