import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { openManifest } from "../manifest-context";
import { table } from "../table";
import { noSuchChannel } from "../../manifest/channels/promote";

export const run: CommandHandler = async (args, context) => {
  const { templates, terminal } = context;
  const { manifest } = await openManifest(context);
  const channel = args.text("channel");
  const history = manifest.history
    .filter(
      (move) =>
        (channel === undefined || move.channel === channel) && (templates?.includes(move.template) ?? true),
    )
    .reverse();
  if (channel !== undefined && history.length === 0)
    throw wrongUsage(noSuchChannel(manifest, channel), "mesa-template channels lists them.");
  const rows = history.map((move) => [
    move.at.slice(0, 19).replace("T", " "),
    move.channel ?? "-",
    move.action,
    move.from ?? "-",
    move.to ?? "-",
    move.by,
    move.reason ?? "",
  ]);
  return {
    json: { history },
    text:
      rows.length === 0
        ? "No channel was ever moved.\n"
        : table(["WHEN (UTC)", "CHANNEL", "WHAT", "FROM", "TO", "BY", "WHY"], rows, terminal.width),
  };
};
