import type { CommandHandler } from "../command";
import { entriesOf, refuseSomeTemplates } from "../ref";
import type { Manifest } from "../../manifest/entry";
import { readManifest, updateManifest } from "../../manifest/index";
import { channelTarget } from "../../manifest/channels/pointing";
import { rollback } from "../../manifest/channels/rollback";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { host, root, templates, dryRun }) => {
  const [channel, to] = [args.required("channel"), args.text("to")];
  const by = await whoMoves(host, root);
  let moves: Manifest["history"] = [];
  const change = (manifest: Manifest): Manifest => {
    const wanted = templates ?? Object.keys(manifest.channels).sort();
    const facts = { at: isoTime(host.clock.now()), by, reason: args.text("reason") };
    const target = to === undefined ? undefined : targets(manifest, to, wanted, channel);
    const after = rollback(manifest, wanted, channel, facts, target);
    moves = after.history.slice(manifest.history.length);
    return after;
  };
  const path = paths(root).manifest;
  if (dryRun) change(await readManifest(path));
  else await updateManifest(host, path, change);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, channel, moves, dryRun },
    text:
      moves.length === 0
        ? `${channel} is there already, nothing to do\n`
        : moves
            .map(
              (move) =>
                `${channel} of ${move.template}: ${move.from ?? "nothing"} → ${move.to ?? "nothing"}${dryRun ? " (dry run)" : ""}\n`,
            )
            .join(""),
  };
};

/** The ids to go back to. A Mesa version or another channel stands for every template that has the channel, or for none. */
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
