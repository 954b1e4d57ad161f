import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { openManifest, workspaceShown } from "../manifest-context";
import { age, table } from "../table";
import { channelTarget } from "../../manifest/channels/pointing";
import { channelNames, noSuchChannel } from "../../manifest/channels/promote";
import { VERSION_STATUSES, type Manifest, type ManifestEntry } from "../../manifest/entry";
import { entryDocument, imagesShown, inWorkspace, statusShown } from "../../manifest/versions/in-workspace";
import { sortedEntries } from "../../manifest/versions/newest";
import { humanBytes } from "../../support/bytes";
import { didYouMean } from "../../support/nearest";

const HEAD = ["VERSION", "STATUS", "CHANNELS", "AGE", "SIZE", "SMOKE", "IMAGE"];

export const run: CommandHandler = async (args, context) => {
  const { host, templates, terminal, json } = context;
  const [status, channel] = [args.text("status"), args.text("channel")];
  if (status !== undefined && !VERSION_STATUSES.some((known) => known === status))
    throw wrongUsage(
      `There is no status "${status}".`,
      `${didYouMean(status, VERSION_STATUSES)} There are: ${VERSION_STATUSES.join(", ")}.`.trim(),
    );
  const opened = await openManifest(context);
  const { manifest } = opened;
  if (channel !== undefined && !channelNames(manifest).includes(channel))
    throw wrongUsage(noSuchChannel(manifest, channel));
  const workspace = workspaceShown(opened);
  const versions = sortedEntries(manifest).filter(
    (entry) =>
      (templates?.includes(entry.template) ?? true) &&
      (status === undefined || statusShown(entry, workspace) === status) &&
      (channel === undefined || channelTarget(manifest, entry.template, channel) === entry.id),
  );
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => templates?.includes(template) ?? true),
  );
  return {
    json: {
      workspace: workspace ?? null,
      versions: versions.map((entry) => entryDocument(entry, workspace)),
      channels,
    },
    text: json ? "" : listText(manifest, versions, workspace, host.clock.now(), terminal.width),
  };
};

function listText(
  manifest: Manifest,
  versions: readonly ManifestEntry[],
  workspace: string | undefined,
  nowMs: number,
  width: number | undefined,
): string {
  if (Object.keys(manifest.versions).length === 0)
    return "No versions yet. Release one: mesa-template release VERSION\n";
  if (versions.length === 0) return "No version matches these filters.\n";
  const pointing = new Map<string, string[]>();
  for (const byName of Object.values(manifest.channels))
    for (const [name, id] of Object.entries(byName)) pointing.set(id, [...(pointing.get(id) ?? []), name]);
  const rows = versions.map((entry) => {
    const { deployment, verification } = inWorkspace(entry, workspace);
    const { passed, failed, skipped, mounted } = entry.smoke;
    return [
      entry.id,
      `${statusShown(entry, workspace)}${skippedText(verification?.skipped ?? 0)}`,
      pointing.get(entry.id)?.join(",") ?? "-",
      age(deployment?.deployedAt ?? entry.createdAt, nowMs),
      humanBytes(entry.image.sizeBytes),
      `${String(passed)}/${String(passed + failed + skipped)}${skippedText(skipped)}${mounted ? "" : " no mount"}`,
      imagesShown(entry, workspace) || "-",
    ];
  });
  return table(HEAD, rows, width);
}

function skippedText(skipped: number): string {
  return skipped === 0 ? "" : ` (${String(skipped)} skipped)`;
}
