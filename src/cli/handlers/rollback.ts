import { join } from "node:path";
import type { CommandHandler } from "../command";
import { rollback } from "../../manifest/channels";
import type { Manifest } from "../../manifest/entry";
import { readManifest, updateManifest } from "../../manifest/index";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { host, root, templates, dryRun }) => {
  const channel = args.required("channel");
  const facts = {
    at: isoTime(host.clock.now()),
    by: await whoMoves(host, root),
    reason: args.text("reason"),
  };
  const path = join(root, "dockerfiles/manifest.json");
  const before = await readManifest(path);
  const change = (manifest: Manifest): Manifest =>
    rollback(manifest, templates ?? Object.keys(manifest.channels).sort(), channel, facts, args.text("to"));
  const after = dryRun ? change(before) : await updateManifest(host, path, change);
  const moves = after.history.filter((move) => move.at === facts.at && move.channel === channel);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, channel, moves, dryRun },
    text: moves
      .map(
        (move) =>
          `${channel} of ${move.template}: ${move.from ?? "nothing"} → ${move.to ?? "nothing"}${dryRun ? " (dry run)" : ""}\n`,
      )
      .join(""),
  };
};
