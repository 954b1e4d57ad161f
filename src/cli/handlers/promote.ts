import type { CommandContext, CommandHandler } from "../command";
import { looksLikeVersion, wrongUsage } from "../command-line";
import { changeManifest, checkTemplates, manifestFacts } from "../manifest-context";
import { readManifest } from "../../manifest/index";
import { channelNames, isUnusualNewChannel, noSuchChannel, promote } from "../../manifest/channels/promote";
import { entriesOf, refuseSomeTemplates } from "../../manifest/versions/ref";
import { workspaceAsked } from "../../manifest/versions/usable-image";

export const run: CommandHandler = async (args, context) => {
  const { templates, dryRun } = context;
  const [ref, channel] = [args.required("ref"), args.required("channel")];
  if (looksLikeVersion(channel) && !looksLikeVersion(ref))
    throw wrongUsage(
      `"${channel}" is not a valid name of a channel.`,
      `Did you mean mesa-template promote ${channel} ${ref}? The version comes first.`,
    );
  const facts = await manifestFacts(context);
  const { path, workspaceInUse, kept } = facts;
  const create =
    args.flag("create") || (context.terminal.interactive && (await wantsNewChannel(context, path, channel)));
  let ids: readonly string[] = [];
  const { moves } = await changeManifest(
    context,
    (manifest, move) => {
      checkTemplates(context, facts, manifest);
      const chosen = entriesOf(manifest, ref, templates);
      refuseSomeTemplates(manifest, ref, chosen, templates ?? kept);
      ids = chosen.map(({ id }) => id);
      const workspace = workspaceAsked(manifest, workspaceInUse);
      const request = { ids, channel, workspace, unverified: args.flag("unverified"), create };
      return promote(manifest, request, { ...move, reason: args.text("reason") });
    },
    () => `Promote ${ids.join(", ")} to ${channel}`,
  );
  const moved = new Set(moves.map(({ to }) => to));
  return {
    json: { channel, ids, moves, dryRun },
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
