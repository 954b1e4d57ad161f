import { Failure } from "../../support/errors";
import type { ChannelMove, Manifest, ManifestEntry } from "../entry";
import { inWorkspace, type WorkspaceView } from "../versions/in-workspace";
import { deployCommandFor } from "../versions/usable-image";
import { channelsOf, channelTarget, lastMove, versionNamed } from "./pointing";

/** Who moved a channel, when, and why. */
export interface MoveFacts {
  readonly at: string;
  readonly by: string;
  readonly reason?: string | undefined;
}

/** The failure for a refused move, and why. */
export function refused(message: string, hint: string): Failure {
  return new Failure({ code: "CHANNEL_REFUSED", kind: "usage", message, hint });
}

/** The version with an id. @throws Failure CHANNEL_REFUSED (exit 2) */
export function entryOf(manifest: Manifest, id: string): ManifestEntry {
  const entry = versionNamed(manifest, id);
  if (entry === undefined)
    throw refused(`There is no version ${id}.`, "mesa-template list shows all versions.");
  return entry;
}

/** Why a channel must not point at a version, and what to do. */
export interface Objection {
  readonly why: string;
  readonly hint: string;
}

/** What a deployed version still has to prove in a workspace, or undefined. */
function unproven(entry: ManifestEntry, { deployment, verification }: WorkspaceView): string | undefined {
  if (deployment === null) return undefined;
  if (verification === null) return `it was deployed but not verified in ${deployment.workspace}`;
  if (!entry.smoke.mounted && !verification.mounted) return "it was never proven that Mesa mounts in it";
  const skipped = Math.max(entry.smoke.skipped, verification.skipped);
  const names = [...new Set([...entry.smoke.notRun, ...verification.notRun])];
  return skipped === 0
    ? undefined
    : `${String(skipped)} checks were skipped${names.length === 0 ? "" : ` (${names.join(", ")})`}`;
}

/**
 * Why a channel must not point at a version, or undefined.
 * @param workspace where it must be deployed and verified
 * @param unverified whether a deployment without verification is enough
 */
export function objectionTo(
  entry: ManifestEntry,
  workspace: string | undefined,
  unverified: boolean,
): Objection | undefined {
  const view = inWorkspace(entry, workspace);
  const other = "Choose another version.";
  if (view.status === "revoked")
    return { why: `it was revoked: ${entry.revocation?.reason ?? "no reason given"}`, hint: other };
  if (view.status === "removed") return { why: "it was removed", hint: other };
  if (view.status === "failed")
    return {
      why: `it failed: ${entry.failure?.message ?? "its verification failed"}`,
      hint:
        view.deployment === null
          ? other
          : `Verify it again (mesa-template verify ${entry.id}), or choose another version.`,
    };
  if (view.deployment === null)
    return {
      why: `it is not deployed yet${workspace === undefined ? "" : ` in the workspace ${workspace}`}`,
      hint: `Deploy it: ${deployCommandFor(entry, workspace)}.`,
    };
  const { registryDigest } = view.deployment;
  if (!unverified && registryDigest !== undefined && registryDigest !== entry.image.registryDigest)
    return {
      why: `${view.deployment.workspace} runs another image of it, of an earlier build`,
      hint: `Deploy this one: ${deployCommandFor(entry, workspace)}. Or give --unverified.`,
    };
  const why = unverified ? undefined : unproven(entry, view);
  return why === undefined
    ? undefined
    : { why, hint: `Verify it (mesa-template verify ${entry.id}), or give --unverified.` };
}

/**
 * The time to record for a move: now, but never before the last move, and later than the same channel's last
 * move. This keeps the history in order, even on machines with different clocks, so that merging two
 * histories keeps it too.
 */
function timeOfMove(manifest: Manifest, template: string, channel: string | null, now: string): string {
  const last = manifest.history.at(-1);
  const ofChannel = lastMove(manifest, template, channel);
  const earliest = ofChannel === undefined ? 0 : Date.parse(ofChannel.at) + 1;
  const wanted = Math.max(Date.parse(now), earliest || 0, Date.parse(last?.at ?? "") || 0);
  return new Date(wanted).toISOString();
}

/** The manifest with a move, a revocation (channel and `to` null) or an unrevocation (channel and `from` null) added to its history. */
export function noted(
  manifest: Manifest,
  move: Pick<ChannelMove, "template" | "channel" | "action" | "from" | "to">,
  { at, by, reason }: MoveFacts,
): Manifest {
  const time = timeOfMove(manifest, move.template, move.channel, at);
  const made = { ...move, at: time, by, ...(reason === undefined ? {} : { reason }) };
  return { ...manifest, history: [...manifest.history, made] };
}

/** The manifest after one move of a channel; `to` null deletes the channel. */
export function moved(
  manifest: Manifest,
  template: string,
  channel: string,
  to: string | null,
  action: ChannelMove["action"],
  facts: MoveFacts,
): Manifest {
  const from = channelTarget(manifest, template, channel) ?? null;
  const before = Object.entries(channelsOf(manifest, template));
  const others = Object.fromEntries(before.filter(([name]) => name !== channel));
  const after = to === null ? others : { ...others, [channel]: to };
  return {
    ...noted(manifest, { template, channel, action, from, to }, facts),
    channels: { ...manifest.channels, [template]: after },
  };
}
