import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { humanBytes } from "../../support/bytes";
import { sortedEntries } from "../ref";
import { age, table } from "../table";
import { VERSION_STATUSES, type Manifest, type ManifestEntry } from "../../manifest/entry";
import { readManifest } from "../../manifest/index";
import { channelTarget } from "../../manifest/channels/pointing";
import { entryDocument, newestDeployment } from "../../manifest/versions/in-workspace";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

const HEAD = ["VERSION", "STATUS", "CHANNELS", "AGE", "SIZE", "SMOKE", "IMAGE"];

export const run: CommandHandler = async (args, { host, root, templates, terminal, json }) => {
  const [status, channel] = [args.text("status"), args.text("channel")];
  if (status !== undefined && !VERSION_STATUSES.some((known) => known === status))
    throw wrongUsage(`There is no status "${status}".`, `There are: ${VERSION_STATUSES.join(", ")}.`);
  const manifest = await readManifest(paths(root).manifest);
  const versions = sortedEntries(manifest).filter(
    (entry) =>
      (templates?.includes(entry.template) ?? true) &&
      (status === undefined || entry.status === status) &&
      (channel === undefined || channelTarget(manifest, entry.template, channel) === entry.id),
  );
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => templates?.includes(template) ?? true),
  );
  return {
    exitCode: EXIT_CODES.done,
    json: {
      ok: true,
      versions: versions.map((entry) => entryDocument(entry, newestDeployment(entry)?.workspace)),
      channels,
    },
    text: json ? "" : listText(manifest, versions, host.clock.now(), terminal.width),
  };
};

function listText(
  manifest: Manifest,
  versions: readonly ManifestEntry[],
  nowMs: number,
  width: number | undefined,
): string {
  if (Object.keys(manifest.versions).length === 0)
    return "No versions yet. Release one: mesa-template release VERSION\n";
  if (versions.length === 0)
    return "No version is like that; without filters, mesa-template list shows all there are.\n";
  const pointing = new Map<string, string[]>();
  for (const byName of Object.values(manifest.channels))
    for (const [name, id] of Object.entries(byName)) pointing.set(id, [...(pointing.get(id) ?? []), name]);
  const rows = versions.map((entry) => [
    entry.id,
    entry.status,
    pointing.get(entry.id)?.join(",") ?? "-",
    age(newestDeployment(entry)?.deployedAt ?? entry.createdAt, nowMs),
    humanBytes(entry.image.sizeBytes),
    `${String(entry.smoke.passed)}/${String(entry.smoke.passed + entry.smoke.failed + entry.smoke.skipped)}`,
    newestDeployment(entry)?.image ?? "-",
  ]);
  return table(HEAD, rows, width);
}
