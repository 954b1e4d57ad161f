import type { CommandHandler } from "../command";
import { table } from "../table";
import { readManifest } from "../../manifest/index";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { root, templates, terminal }) => {
  const manifest = await readManifest(paths(root).manifest);
  const channel = args.text("channel");
  const history = manifest.history
    .filter(
      (move) =>
        (channel === undefined || move.channel === channel) && (templates?.includes(move.template) ?? true),
    )
    .reverse();
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
    exitCode: EXIT_CODES.done,
    json: { ok: true, history },
    text:
      rows.length === 0
        ? channel === undefined
          ? "No channel was ever moved.\n"
          : `No channel ${channel} was ever moved.\n`
        : table(["WHEN (UTC)", "CHANNEL", "WHAT", "FROM", "TO", "BY", "WHY"], rows, terminal.width),
  };
};
