import type { Manifest, ManifestEntry } from "../entry";
import { inWorkspace } from "../versions/in-workspace";
import { entryOf, moved, objectionTo, refused, type MoveFacts } from "./move";
import { channelTarget, versionNamed } from "./pointing";
import { holdersOf } from "./promote";

/**
 * The channel's previous version that is still usable.
 * @param workspace where it must be deployed; undefined: in any
 */
export function rollbackTarget(
  manifest: Manifest,
  template: string,
  channel: string,
  workspace?: string,
): string | undefined {
  const current = channelTarget(manifest, template, channel);
  // Undoes moves from the newest on: a rollback never returns to a version that an earlier one left.
  const stack: string[] = [];
  for (const move of manifest.history) {
    if (move.template !== template || move.channel !== channel || move.to === null) continue;
    const at = move.action === "promote" ? -1 : stack.lastIndexOf(move.to);
    if (at >= 0) stack.length = at + 1;
    else stack.push(move.to);
  }
  const usable = (id: string): boolean => {
    const entry = id === current ? undefined : versionNamed(manifest, id);
    if (entry === undefined) return false;
    const status = workspace === undefined ? entry.status : inWorkspace(entry, workspace).status;
    return status === "verified" || status === "deployed";
  };
  const below = stack.lastIndexOf(current ?? "");
  return stack
    .slice(0, below < 0 ? stack.length : below)
    .reverse()
    .find(usable);
}

export interface RollbackRequest {
  readonly templates: readonly string[];
  readonly channel: string;
  /** Where the versions must be deployed. */
  readonly workspace: string | undefined;
  /** Versions to roll back to instead, one per template; a template already there stays. */
  readonly to?: readonly ManifestEntry[] | undefined;
}

/**
 * Rolls a channel back to its previous version in every given template.
 * @throws Failure CHANNEL_REFUSED (exit 2): for all templates or for none
 */
export function rollback(manifest: Manifest, request: RollbackRequest, facts: MoveFacts): Manifest {
  const { templates, channel, workspace, to } = request;
  const holding = holdersOf(manifest, templates, channel);
  const without = to?.find(({ template }) => !holding.includes(template));
  if (without !== undefined)
    throw refused(
      `${channel} of ${without.template} cannot go back to ${without.id}: the channel does not exist.`,
      `Create it: mesa-template promote ${without.id} ${channel}.`,
    );
  const targets = new Map<string, string | undefined>(
    to?.map(({ template, id }) => [template, id] as const) ??
      holding.map((template) => [template, rollbackTarget(manifest, template, channel, workspace)] as const),
  );
  const stuck = [...targets.keys()].filter((template) => targets.get(template) === undefined);
  if (stuck.length > 0) {
    const free = holding.filter((template) => !stuck.includes(template));
    const current = stuck.map((template) => channelTarget(manifest, template, channel) ?? "it").join(", ");
    throw refused(
      `${channel} of ${stuck.join(", ")} has nothing to go back to: its history has no usable version before ${current}${workspace === undefined ? "" : ` in the workspace ${workspace}`}.`,
      free.length === 0
        ? "Give a version with --to."
        : `Roll back ${free.join(", ")} alone: mesa-template rollback ${channel} --template ${free.join(",")}. Or give a version with --to.`,
    );
  }
  return [...targets].reduce((after, [template, target]) => {
    if (target === undefined || channelTarget(after, template, channel) === target) return after;
    const objection = objectionTo(entryOf(manifest, target), workspace, true);
    if (objection !== undefined)
      throw refused(
        `${channel} cannot go back to ${target}: ${objection.why}.`,
        "Give another version with --to.",
      );
    return moved(after, template, channel, target, "rollback", facts);
  }, manifest);
}
