import type { CommandContext, CommandHandler } from "../command";
import { looksLikeVersion } from "../line/command-line";
import { changeManifest, openManifest, reasonGiven, workspaceShown } from "../manifest-context";
import { table } from "../output/table";
import { channelTarget, pointers, versionNamed } from "../../manifest/channels/pointing";
import {
  channelNames,
  deleteChannel,
  isUnusualNewChannel,
  noSuchChannel,
  promote,
} from "../../manifest/channels/promote";
import { rollback } from "../../manifest/channels/rollback";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { workspaceInUse } from "../../blaxel/credentials";
import { readManifest } from "../../manifest/index";
import { inWorkspace } from "../../manifest/versions/in-workspace";
import { entriesOf, refuseSomeTemplates } from "../../manifest/versions/ref";
import { workspaceAsked } from "../../manifest/versions/usable-image";
import { paths, templateNames } from "../../support/files/paths";
import { wrongUsage } from "../../support/errors";

export const channelsCommand: CommandHandler = async (args, context) => {
  const { width } = context.terminal;
  const { manifest, channels, isAsked } = await openManifest(context);
  if (args.text("delete") !== undefined) return deleteCommand(args, context);
  const workspace = await workspaceShown(context, manifest);
  const rows = pointers(manifest)
    .filter(({ template }) => isAsked(template))
    .map(({ template, channel: name, id }) => {
      const entry = versionNamed(manifest, id);
      const view = entry === undefined ? undefined : inWorkspace(entry, workspace);
      const status = workspace === undefined ? entry?.status : view?.status;
      return [template, name, id, status ?? "missing", view?.deployment?.image ?? "-"];
    });
  const head = ["TEMPLATE", "CHANNEL", "VERSION", "STATUS", "IMAGE"];
  return {
    json: { channels },
    text: table(head, rows, width, "No channels yet. Create one: mesa-template promote REF stable\n"),
  };
};

const deleteCommand: CommandHandler = async (args, context) => {
  const channel = args.required("delete");
  const { moves, dry } = await changeManifest(
    context,
    reasonGiven(args, context),
    (manifest, move) => deleteChannel(manifest, templatesAsked(context, manifest), channel, move),
    () => `Delete the channel ${channel}`,
  );
  return {
    json: { channel, moves, dryRun: context.dryRun },
    text: moves
      .map(
        ({ template, from }) =>
          `${channel} of ${template} deleted; it pointed at ${from ?? "nothing"}${dry}\n`,
      )
      .join(""),
  };
};

/** --template, else every template with channels. */
function templatesAsked({ templates }: CommandContext, manifest: Manifest): readonly string[] {
  return templates ?? Object.keys(manifest.channels).sort();
}

export const historyCommand: CommandHandler = async (args, context) => {
  const { manifest, isAsked } = await openManifest(context);
  const channel = args.text("channel");
  const history = manifest.history
    .filter((move) => (channel === undefined || move.channel === channel) && isAsked(move.template))
    .reverse();
  if (channel !== undefined && history.length === 0)
    throw wrongUsage(noSuchChannel(manifest, channel), "mesa-template channels lists them.");
  const rows = history.map(({ at, channel: name, action, from, to, by, reason }) => [
    at.slice(0, 19).replace("T", " "),
    ...[name ?? "-", action, from ?? "-", to ?? "-", by, reason ?? ""],
  ]);
  const head = ["WHEN (UTC)", "CHANNEL", "WHAT", "FROM", "TO", "BY", "WHY"];
  return {
    json: { history },
    text: table(head, rows, context.terminal.width, "No channel was ever moved.\n"),
  };
};

export const promoteCommand: CommandHandler = async (args, context) => {
  const { host, root, templates, dryRun } = context;
  const [ref, channel] = [args.required("ref"), args.required("channel")];
  if (looksLikeVersion(channel) && !looksLikeVersion(ref))
    throw wrongUsage(
      `"${channel}" is not a valid name of a channel.`,
      `Did you mean mesa-template promote ${channel} ${ref}? The version comes first.`,
    );
  const create = args.flag("create") || (await wantsNewChannel(context, channel));
  const inUse = await workspaceInUse(host);
  const unverified = args.flag("unverified");
  let entries: readonly ManifestEntry[] = [];
  const { moves, dry } = await changeManifest(
    context,
    reasonGiven(args, context),
    (manifest, move) => {
      entries = entriesOf(manifest, ref, templates);
      refuseSomeTemplates(manifest, ref, entries, templates ?? templateNames(root));
      const workspace = workspaceAsked(manifest, inUse);
      return promote(manifest, { entries, channel, workspace, unverified, create }, move);
    },
    () => `Promote ${entries.map(({ id }) => id).join(", ")} to ${channel}`,
  );
  const ids = entries.map(({ id }) => id);
  const moved = new Set(moves.map(({ to }) => to));
  const what = (id: string): string => (moved.has(id) ? dry : " (already there, nothing to do)");
  return {
    json: { channel, ids, moves, dryRun },
    text: ids.map((id) => `${channel} → ${id}${what(id)}\n`).join(""),
  };
};

/**
 * Asks on a terminal whether to create a channel with an unusual name.
 * @throws Failure USAGE (exit 2) on "no"
 */
async function wantsNewChannel({ root, terminal }: CommandContext, channel: string): Promise<boolean> {
  if (!terminal.interactive) return false;
  const manifest = await readManifest(paths(root).manifest);
  if (!isUnusualNewChannel(manifest, channel)) return false;
  if (await terminal.confirm(`${noSuchChannel(manifest, channel)} Create it?`)) return true;
  throw wrongUsage("Nothing was promoted.", `Channels: ${channelNames(manifest).join(", ") || "none yet"}.`);
}

export const rollbackCommand: CommandHandler = async (args, context) => {
  const [channel, to] = [args.required("channel"), args.text("to")];
  if (looksLikeVersion(channel))
    throw wrongUsage(
      `There is no channel ${channel}.`,
      `To return to that version: mesa-template rollback CHANNEL --to ${channel}.`,
    );
  const inUse = await workspaceInUse(context.host);
  const { moves, dry } = await changeManifest(
    context,
    reasonGiven(args, context),
    (manifest, move) => {
      const templates = templatesAsked(context, manifest);
      const workspace = workspaceAsked(manifest, inUse);
      const wanted = to === undefined ? undefined : targets(manifest, to, templates, channel);
      return rollback(manifest, { templates, channel, workspace, to: wanted }, move);
    },
    () => `Roll ${channel} back`,
  );
  return {
    json: { channel, moves, dryRun: context.dryRun },
    text:
      moves.length === 0
        ? `${channel} already points there; nothing to do\n`
        : moves
            .map(
              ({ template, from, to: now }) =>
                `${channel} of ${template}: ${from ?? "nothing"} → ${now ?? "nothing"}${dry}\n`,
            )
            .join(""),
  };
};

/** The versions to roll back to. A Mesa version or another channel must apply to every template that has the channel. */
function targets(
  manifest: Manifest,
  to: string,
  templates: readonly string[],
  channel: string,
): readonly ManifestEntry[] {
  const holding = templates.filter((template) => channelTarget(manifest, template, channel) !== undefined);
  const found = entriesOf(manifest, to, holding.length === 0 ? undefined : holding);
  refuseSomeTemplates(manifest, to, found, holding);
  return found;
}
