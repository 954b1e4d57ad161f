import type { Manifest } from "../entry";
import { entryOf, moved, refused, whyNot, type MoveFacts } from "./move";
import { channelTarget } from "./pointing";

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
    return channelTarget(after, template, channel) === id
      ? after
      : moved(after, template, channel, id, "promote", facts);
  }, manifest);
}
