import { join } from "node:path";
import type { CommandHandler } from "../command";
import { entriesOf } from "../ref";
import { promote } from "../../manifest/channels";
import type { ManifestEntry } from "../../manifest/entry";
import { updateManifest } from "../../manifest/index";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, { host, root, templates, dryRun }) => {
  const [ref, channel] = [args.required("ref"), args.required("channel")];
  const facts = {
    at: isoTime(host.clock.now()),
    by: await whoMoves(host, root),
    reason: args.text("reason"),
  };
  const path = join(root, "dockerfiles/manifest.json");
  let chosen: readonly ManifestEntry[] = [];
  const change: Parameters<typeof updateManifest>[2] = (manifest) => {
    chosen = entriesOf(manifest, ref, templates);
    return promote(
      manifest,
      chosen.map((entry) => entry.id),
      channel,
      facts,
      args.flag("unverified"),
    );
  };
  if (dryRun) {
    const { readManifest } = await import("../../manifest/index");
    change(await readManifest(path));
  } else await updateManifest(host, path, change);
  const ids = chosen.map((entry) => entry.id);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, channel, ids, dryRun },
    text: ids.map((id) => `${channel} → ${id}${dryRun ? " (dry run)" : ""}\n`).join(""),
  };
};
