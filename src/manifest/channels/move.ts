import { Failure } from "../../support/errors";
import type { ChannelMove, Manifest, ManifestEntry } from "../entry";
import { channelTarget, versionNamed } from "./pointing";

/** Who moved a channel, when, and why. */
export interface MoveFacts {
  readonly at: string;
  readonly by: string;
  readonly reason?: string | undefined;
}

/** A move that may not be. */
export function refused(message: string, hint: string): Failure {
  return new Failure({ code: "CHANNEL_REFUSED", kind: "usage", message, hint });
}

/** The version with an id. @throws Failure CHANNEL_REFUSED (exit 2) */
export function entryOf(manifest: Manifest, id: string): ManifestEntry {
  const entry = versionNamed(manifest, id);
  if (entry === undefined)
    throw refused(`There is no version ${id}.`, "mesa-template list shows what there is.");
  return entry;
}

/** Why a channel may not point at an entry, or undefined. */
export function whyNot(entry: ManifestEntry, unverified: boolean): string | undefined {
  if (entry.status === "verified") return undefined;
  if (entry.status === "deployed") return unverified ? undefined : "it was deployed but not verified";
  if (entry.status === "revoked") return `it was revoked: ${entry.revocation?.reason ?? "no reason given"}`;
  if (entry.status === "failed") return `it failed: ${entry.failure?.message ?? "no cause kept"}`;
  return `it is ${entry.status}`;
}

/**
 * When a move is said to have happened: now, but never before the last move, and after it when that was the same channel's.
 * The history is in the order of its times, also on machines whose clocks differ, so that joining two keeps the order.
 */
function timeOfMove(manifest: Manifest, template: string, channel: string, now: string): string {
  const last = manifest.history.at(-1);
  const ofChannel = manifest.history.findLast(
    (move) => move.template === template && move.channel === channel,
  );
  const earliest = ofChannel === undefined ? 0 : Date.parse(ofChannel.at) + 1;
  const wanted = Math.max(Date.parse(now), earliest || 0, Date.parse(last?.at ?? "") || 0);
  return new Date(wanted).toISOString();
}

/** The manifest after one move of a channel; `to` null: the channel is no more. */
export function moved(
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
    from: channelTarget(manifest, template, channel) ?? null,
    to,
    at: timeOfMove(manifest, template, channel, facts.at),
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
