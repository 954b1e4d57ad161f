import type { CommandHandler } from "../command";
import { entriesOf, refuseSomeTemplates } from "../ref";
import { keptTemplates } from "../template-folders";
import type { Manifest } from "../../manifest/entry";
import { readManifest, updateManifest } from "../../manifest/index";
import { promote } from "../../manifest/channels/promote";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { host, root, templates, dryRun }) => {
  const [ref, channel] = [args.required("ref"), args.required("channel")];
  // Asking git takes as long as reading the manifest: both at once.
  const mover = whoMoves(host, root);
  const kept = templates === undefined ? await keptTemplates(root) : templates;
  let ids: readonly string[] = [];
  let moves: Manifest["history"] = [];
  const change = async (manifest: Manifest): Promise<Manifest> => {
    const chosen = entriesOf(manifest, ref, templates);
    refuseSomeTemplates(manifest, ref, chosen, kept);
    ids = chosen.map(({ id }) => id);
    const facts = { at: isoTime(host.clock.now()), by: await mover, reason: args.text("reason") };
    const after = promote(manifest, ids, channel, facts, args.flag("unverified"));
    moves = after.history.slice(manifest.history.length);
    return after;
  };
  const path = paths(root).manifest;
  try {
    if (dryRun) await change(await readManifest(path));
    else await updateManifest(host, path, change);
  } finally {
    await mover.catch(() => undefined);
  }
  const moved = new Set(moves.map(({ to }) => to));
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, channel, ids, moves, dryRun },
    text: ids
      .map(
        (id) =>
          `${channel} → ${id}${moved.has(id) ? (dryRun ? " (dry run)" : "") : " (already there, nothing to do)"}\n`,
      )
      .join(""),
  };
};
