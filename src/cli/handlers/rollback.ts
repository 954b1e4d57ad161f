import type { CommandHandler } from "../command";
import { looksLikeVersion, wrongUsage } from "../command-line";
import { changeManifest, checkTemplates, manifestFacts } from "../manifest-context";
import { entriesOf, refuseSomeTemplates } from "../../manifest/versions/ref";
import { workspaceAsked } from "../../manifest/versions/usable-image";
import type { Manifest } from "../../manifest/entry";
import { channelTarget } from "../../manifest/channels/pointing";
import { rollback } from "../../manifest/channels/rollback";

export const run: CommandHandler = async (args, context) => {
  const { templates, dryRun } = context;
  const [channel, to] = [args.required("channel"), args.text("to")];
  if (looksLikeVersion(channel))
    throw wrongUsage(
      `There is no channel ${channel}.`,
      `To return to that version: mesa-template rollback CHANNEL --to ${channel}.`,
    );
  const facts = await manifestFacts(context);
  const { moves } = await changeManifest(
    context,
    (manifest, move) => {
      checkTemplates(context, facts, manifest);
      const wanted = templates ?? Object.keys(manifest.channels).sort();
      const request = {
        templates: wanted,
        channel,
        workspace: workspaceAsked(manifest, facts.workspaceInUse),
        to: to === undefined ? undefined : targets(manifest, to, wanted, channel),
      };
      return rollback(manifest, request, { ...move, reason: args.text("reason") });
    },
    () => `Roll ${channel} back`,
  );
  return {
    json: { channel, moves, dryRun },
    text:
      moves.length === 0
        ? `${channel} already points there; nothing to do\n`
        : moves
            .map(
              (move) =>
                `${channel} of ${move.template}: ${move.from ?? "nothing"} → ${move.to ?? "nothing"}${dryRun ? " (dry run)" : ""}\n`,
            )
            .join(""),
  };
};

/** The ids to roll back to. A Mesa version or another channel must apply to every template that has the channel. */
function targets(
  manifest: Manifest,
  to: string,
  templates: readonly string[],
  channel: string,
): readonly string[] {
  const holding = templates.filter((template) => channelTarget(manifest, template, channel) !== undefined);
  const found = entriesOf(manifest, to, holding.length === 0 ? undefined : holding);
  refuseSomeTemplates(manifest, to, found, holding);
  return found.map(({ id }) => id);
}
