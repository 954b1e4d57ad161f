import { join } from "node:path";
import type { CommandHandler } from "../command";
import { humanBytes } from "../../support/bytes";
import { sortedEntries } from "../ref";
import { age, table } from "../table";
import { readManifest } from "../../manifest/index";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { host, root, templates, terminal }) => {
  const manifest = await readManifest(join(root, "dockerfiles/manifest.json"));
  const names = new Map<string, string[]>();
  for (const byName of Object.values(manifest.channels))
    for (const [name, id] of Object.entries(byName)) names.set(id, [...(names.get(id) ?? []), name]);
  const [status, channel] = [args.text("status"), args.text("channel")];
  const versions = sortedEntries(manifest).filter(
    (entry) =>
      (templates?.includes(entry.template) ?? true) &&
      (status === undefined || entry.status === status) &&
      (channel === undefined || manifest.channels[entry.template]?.[channel] === entry.id),
  );
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => templates?.includes(template) ?? true),
  );
  const rows = versions.map((entry) => [
    entry.id,
    entry.status,
    names.get(entry.id)?.join(",") ?? "-",
    age(entry.deployment?.deployedAt ?? entry.createdAt, host.clock.now()),
    humanBytes(entry.image.sizeBytes),
    `${String(entry.smoke.passed)}/${String(entry.smoke.passed + entry.smoke.failed + entry.smoke.skipped)}`,
    entry.deployment?.image ?? "-",
  ]);
  const text =
    rows.length === 0
      ? "No versions yet. Release one: mesa-template release VERSION\n"
      : table(["VERSION", "STATUS", "CHANNELS", "AGE", "SIZE", "SMOKE", "IMAGE"], rows, terminal.width);
  return { exitCode: EXIT_CODES.done, json: { ok: true, versions, channels }, text };
};
