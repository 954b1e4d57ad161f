import type { Manifest } from "../entry";
import { entryOf, moved, refused, whyNot, type MoveFacts } from "./move";
import { channelTarget, versionNamed } from "./pointing";

/** The version a channel pointed at before its current one and that can still be used. */
export function rollbackTarget(manifest: Manifest, template: string, channel: string): string | undefined {
  const current = channelTarget(manifest, template, channel);
  // Moves are undone from the newest on: what a rollback already left behind is not gone back to.
  const stack: string[] = [];
  for (const move of manifest.history) {
    if (move.template !== template || move.channel !== channel || move.to === null) continue;
    const at = move.action === "promote" ? -1 : stack.lastIndexOf(move.to);
    if (at >= 0) stack.length = at + 1;
    else stack.push(move.to);
  }
  const usable = (id: string): boolean =>
    id !== current && ["verified", "deployed"].includes(versionNamed(manifest, id)?.status ?? "");
  const below = stack.lastIndexOf(current ?? "");
  return stack
    .slice(0, below < 0 ? stack.length : below)
    .reverse()
    .find(usable);
}

/**
 * Takes a channel back, in every given template, to what it pointed at before.
 * @param to ids to go back to instead, one for each template that is moved; a template that is there already stays
 * @throws Failure CHANNEL_REFUSED (exit 2): for all templates or for none
 */
export function rollback(
  manifest: Manifest,
  templates: readonly string[],
  channel: string,
  facts: MoveFacts,
  to?: readonly string[],
): Manifest {
  const holding = templates.filter((template) => channelTarget(manifest, template, channel) !== undefined);
  if (holding.length === 0)
    throw refused(`No template has a channel ${channel}.`, "mesa-template channels shows what there is.");
  const given = to?.map((id) => entryOf(manifest, id));
  const without = given?.find(({ template }) => !holding.includes(template));
  if (without !== undefined)
    throw refused(
      `${channel} of ${without.template} cannot go back to ${without.id}: there is no such channel.`,
      `Make it: mesa-template promote ${without.id} ${channel}.`,
    );
  const chosen = given?.map(({ template }) => template) ?? holding;
  return chosen.reduce((after, template, at) => {
    const current = channelTarget(after, template, channel);
    const target = given?.[at]?.id ?? rollbackTarget(manifest, template, channel);
    if (target === undefined)
      throw refused(
        `${channel} of ${template} has nothing to go back to: ${current ?? "it"} is the first usable version it pointed at.`,
        "Give a version with --to.",
      );
    const why = whyNot(entryOf(manifest, target), true);
    if (why !== undefined)
      throw refused(`${channel} cannot go back to ${target}: ${why}.`, "Give another version with --to.");
    return current === target ? after : moved(after, template, channel, target, "rollback", facts);
  }, manifest);
}
