import type { CommandHandler } from "../command";
import { table } from "../table";
import type { ManifestEntry } from "../../manifest/entry";
import { readManifest } from "../../manifest/index";
import { newestDeployment } from "../../manifest/versions/in-workspace";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

function imageOf(entry: ManifestEntry | undefined): string | undefined {
  return entry === undefined ? undefined : newestDeployment(entry)?.image;
}

export const run: CommandHandler = async (_args, { root, templates, terminal }) => {
  const manifest = await readManifest(paths(root).manifest);
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => templates?.includes(template) ?? true),
  );
  const rows = Object.entries(channels).flatMap(([template, byName]) =>
    Object.entries(byName).map(([channel, id]) => [
      template,
      channel,
      id,
      manifest.versions[id]?.status ?? "missing",
      imageOf(manifest.versions[id]) ?? "-",
    ]),
  );
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, channels },
    text:
      rows.length === 0
        ? "No channels yet. Make one: mesa-template promote REF stable\n"
        : table(["TEMPLATE", "CHANNEL", "VERSION", "STATUS", "IMAGE"], rows, terminal.width),
  };
};
