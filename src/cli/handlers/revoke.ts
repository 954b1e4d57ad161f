import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { oneEntry } from "../ref";
import { channelsAt, revoke } from "../../manifest/channels";
import { readManifest, updateManifest } from "../../manifest/index";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { host, root, templates, terminal, dryRun }) => {
  const path = join(root, "dockerfiles/manifest.json");
  const reason = args.text("reason");
  if (reason === undefined)
    throw wrongUsage("--reason is missing.", "Say why: everybody who uses the version will be told.");
  const manifest = await readManifest(path);
  const { id } = oneEntry(manifest, args.required("id"), templates);
  const pointing = channelsAt(manifest, id);
  let withRollback = args.flag("rollback");
  if (pointing.length > 0 && !withRollback && !dryRun) {
    const list = pointing.join(", ");
    if (!terminal.interactive)
      throw wrongUsage(
        `${list} point${pointing.length === 1 ? "s" : ""} at ${id}; revoking moves nothing silently.`,
        "Give --rollback to take them back to what they pointed at before, or promote another version first.",
      );
    withRollback = await terminal.confirm(
      `${list} point${pointing.length === 1 ? "s" : ""} at ${id}. Roll back?`,
    );
    if (
      !withRollback &&
      !(await terminal.confirm(`Revoke ${id} all the same? Using ${list} will fail until it is moved.`))
    )
      throw wrongUsage("Nothing was revoked.");
  }
  const facts = { at: isoTime(host.clock.now()), by: await whoMoves(host, root), reason };
  const after = dryRun
    ? revoke(manifest, id, facts, withRollback)
    : await updateManifest(host, path, (now) => revoke(now, id, facts, withRollback));
  const moves = after.history.filter((move) => move.at === facts.at && move.action === "revoke");
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, id, channels: pointing, moves, dryRun },
    text: `${id} revoked: ${reason}\n${moves.map((move) => `${move.channel} → ${move.to ?? "nothing"}\n`).join("")}`,
  };
};
