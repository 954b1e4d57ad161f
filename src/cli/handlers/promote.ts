import type { CommandContext, CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { checkTemplates, manifestFacts, tellWritten } from "../manifest-context";
import type { Manifest } from "../../manifest/entry";
import { readManifest, updateManifest } from "../../manifest/index";
import { channelNames, isUnusualNewChannel, noSuchChannel, promote } from "../../manifest/channels/promote";
import { entriesOf, refuseSomeTemplates } from "../../manifest/versions/ref";
import { workspaceAsked } from "../../manifest/versions/usable-image";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, context) => {
  const { host, root, templates, dryRun } = context;
  const [ref, channel] = [args.required("ref"), args.required("channel")];
  const facts = await manifestFacts(context);
  const { path, workspaceInUse, kept } = facts;
  const chosenIn = (manifest: Manifest): readonly string[] => {
    const chosen = entriesOf(manifest, ref, templates);
    refuseSomeTemplates(manifest, ref, chosen, templates ?? kept);
    return chosen.map(({ id }) => id);
  };
  const by = await whoMoves(host, root);
  const create =
    args.flag("create") || (context.terminal.interactive && (await wantsNewChannel(context, path, channel)));
  let ids: readonly string[] = [];
  let moves: Manifest["history"] = [];
  const change = (manifest: Manifest): Manifest => {
    checkTemplates(context, facts, manifest);
    ids = chosenIn(manifest);
    const workspace = workspaceAsked(manifest, workspaceInUse);
    const request = { ids, channel, workspace, unverified: args.flag("unverified"), create };
    const move = { at: isoTime(host.clock.now()), by, reason: args.text("reason") };
    const after = promote(manifest, request, move);
    moves = after.history.slice(manifest.history.length);
    return after;
  };
  if (dryRun) change(await readManifest(path));
  else await updateManifest(host, path, change);
  if (!dryRun && moves.length > 0) await tellWritten(context, `Promote ${ids.join(", ")} to ${channel}`);
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

/**
 * Asks on a terminal whether to create a channel with an unusual name.
 * @throws Failure USAGE (exit 2) on "no"
 */
async function wantsNewChannel(
  { terminal }: CommandContext,
  path: string,
  channel: string,
): Promise<boolean> {
  const manifest = await readManifest(path);
  if (!isUnusualNewChannel(manifest, channel)) return false;
  if (await terminal.confirm(`${noSuchChannel(manifest, channel)} Create it?`)) return true;
  throw wrongUsage("Nothing was promoted.", `Channels: ${channelNames(manifest).join(", ") || "none yet"}.`);
}
