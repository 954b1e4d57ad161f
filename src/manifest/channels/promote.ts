import { didYouMean } from "../../support/text/nearest";
import { isName, NAME_RULE, type Manifest, type ManifestEntry } from "../entry";
import { moved, objectionTo, refused, type MoveFacts } from "./move";
import { channelTarget, pointers } from "./pointing";

/** Usual channel names, which need no --create. */
const USUAL_CHANNELS: readonly string[] = ["stable", "canary"];

/** The names of all channels, sorted. */
export function channelNames(manifest: Manifest): readonly string[] {
  return [...new Set(pointers(manifest).map(({ channel }) => channel))].sort();
}

/** Whether a promotion would create a channel with an unusual name, perhaps a mistyped one. */
export function isUnusualNewChannel(manifest: Manifest, channel: string): boolean {
  return !USUAL_CHANNELS.includes(channel) && !channelNames(manifest).includes(channel);
}

/** The message that a channel does not exist, with the nearest name. */
export function noSuchChannel(manifest: Manifest, channel: string): string {
  const names = channelNames(manifest);
  const holding = pointers(manifest).flatMap((one) => (one.channel === channel ? [one.template] : []));
  if (holding.length > 0) return `Only ${holding.join(", ")} has a channel ${channel}.`;
  return [
    `There is no channel ${channel}.`,
    USUAL_CHANNELS.includes(channel) ? "" : didYouMean(channel, [...names, ...USUAL_CHANNELS]),
    names.length === 0 ? "" : `There are: ${names.join(", ")}.`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** Those of the templates that have a channel. @throws Failure CHANNEL_REFUSED (exit 2) if none has it */
export function holdersOf(
  manifest: Manifest,
  templates: readonly string[],
  channel: string,
): readonly string[] {
  const holding = templates.filter((template) => channelTarget(manifest, template, channel) !== undefined);
  if (holding.length > 0) return holding;
  throw refused(noSuchChannel(manifest, channel), "mesa-template channels lists them.");
}

export interface PromoteRequest {
  readonly entries: readonly ManifestEntry[];
  readonly channel: string;
  /** Where the versions must be deployed and verified. */
  readonly workspace: string | undefined;
  /** Also accept deployed versions that are not, or not completely, verified. */
  readonly unverified: boolean;
  /** Create the channel even with an unusual name. */
  readonly create: boolean;
}

/**
 * Points a channel at versions, all of them or none.
 * @throws Failure CHANNEL_REFUSED (exit 2) if one of them must not be used
 */
export function promote(manifest: Manifest, request: PromoteRequest, facts: MoveFacts): Manifest {
  const { entries, channel, workspace, unverified, create } = request;
  if (!isName(channel)) throw refused(`"${channel}" is not a valid name of a channel.`, NAME_RULE);
  for (const entry of entries) {
    const objection = objectionTo(entry, workspace, unverified);
    if (objection !== undefined)
      throw refused(`${entry.id} cannot become ${channel}: ${objection.why}.`, objection.hint);
  }
  if (!create && isUnusualNewChannel(manifest, channel))
    throw refused(noSuchChannel(manifest, channel), "Create a new channel with --create.");
  return entries.reduce(
    (after, { id, template }) =>
      channelTarget(after, template, channel) === id
        ? after
        : moved(after, template, channel, id, "promote", facts),
    manifest,
  );
}

/**
 * Deletes a channel of every given template that has it.
 * @throws Failure CHANNEL_REFUSED (exit 2) if none has it
 */
export function deleteChannel(
  manifest: Manifest,
  templates: readonly string[],
  channel: string,
  facts: MoveFacts,
): Manifest {
  return holdersOf(manifest, templates, channel).reduce(
    (after, template) => moved(after, template, channel, null, "delete", facts),
    manifest,
  );
}
