import type { CommandArgs, CommandContext, CommandHandler, CommandOutcome } from "../command";
import { changeManifest, openManifest, workspaceShown } from "../manifest-context";
import { table } from "../table";
import { deleteChannel } from "../../manifest/channels/promote";
import { versionNamed } from "../../manifest/channels/pointing";
import { inWorkspace } from "../../manifest/versions/in-workspace";

export const run: CommandHandler = async (args, context) => {
  const channel = args.text("delete");
  if (channel !== undefined) return deleted(args, context, channel);
  const { templates, terminal } = context;
  const opened = await openManifest(context);
  const { manifest } = opened;
  const workspace = workspaceShown(opened);
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => templates?.includes(template) ?? true),
  );
  const rows = Object.entries(channels).flatMap(([template, byName]) =>
    Object.entries(byName).map(([name, id]) => {
      const entry = versionNamed(manifest, id);
      const view = entry === undefined ? undefined : inWorkspace(entry, workspace);
      const status = workspace === undefined ? entry?.status : view?.status;
      return [template, name, id, status ?? "missing", view?.deployment?.image ?? "-"];
    }),
  );
  return {
    json: { channels },
    text:
      rows.length === 0
        ? "No channels yet. Create one: mesa-template promote REF stable\n"
        : table(["TEMPLATE", "CHANNEL", "VERSION", "STATUS", "IMAGE"], rows, terminal.width),
  };
};

async function deleted(args: CommandArgs, context: CommandContext, channel: string): Promise<CommandOutcome> {
  const { dryRun } = context;
  await openManifest(context);
  const { moves } = await changeManifest(
    context,
    (manifest, facts) => {
      const templates = context.templates ?? Object.keys(manifest.channels).sort();
      return deleteChannel(manifest, templates, channel, { ...facts, reason: args.text("reason") });
    },
    () => `Delete the channel ${channel}`,
  );
  return {
    json: { channel, moves, dryRun },
    text: moves
      .map(
        ({ template, from }) =>
          `${channel} of ${template} deleted; it pointed at ${from ?? "nothing"}${dryRun ? " (dry run)" : ""}\n`,
      )
      .join(""),
  };
}
