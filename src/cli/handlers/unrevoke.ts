import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { openManifest, tellWritten } from "../manifest-context";
import { unrevoke } from "../../manifest/channels/revoke";
import type { Manifest } from "../../manifest/entry";
import { updateManifest } from "../../manifest/index";
import { oneEntry } from "../../manifest/versions/ref";
import { whoMoves } from "../../manifest/who";
import { isoTime } from "../../support/clock";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, context) => {
  const { host, root, templates, dryRun } = context;
  const reason = args.text("reason");
  if (reason === undefined)
    throw wrongUsage("--reason is missing.", "Say why the version may be used again.");
  const { path, manifest } = await openManifest(context);
  const { id } = oneEntry(manifest, args.required("id"), templates);
  const by = await whoMoves(host, root);
  const change = (now: Manifest): Manifest =>
    unrevoke(now, id, { at: isoTime(host.clock.now()), by, reason });
  const after = dryRun ? change(manifest) : await updateManifest(host, path, change);
  if (!dryRun) await tellWritten(context, `Unrevoke ${id}`);
  const status = after.versions[id]?.status ?? null;
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, id, reason, status, dryRun },
    text: `${id} is ${status ?? "gone"} again: ${reason}${dryRun ? " (dry run)" : ""}\n`,
  };
};
