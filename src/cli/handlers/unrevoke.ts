import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { changeManifest, openManifest } from "../manifest-context";
import { unrevoke } from "../../manifest/channels/revoke";
import { oneEntry } from "../../manifest/versions/ref";

export const run: CommandHandler = async (args, context) => {
  const { templates, dryRun } = context;
  const reason = args.text("reason");
  if (reason === undefined)
    throw wrongUsage(
      "--reason is missing.",
      "Give the reason with --reason TEXT: why the version may be used again.",
    );
  const { manifest } = await openManifest(context);
  const { id } = oneEntry(manifest, args.required("id"), templates);
  const { after } = await changeManifest(
    context,
    (now, facts) => unrevoke(now, id, { ...facts, reason }),
    () => `Unrevoke ${id}`,
  );
  const status = after.versions[id]?.status ?? null;
  return {
    json: { id, reason, status, dryRun },
    text: `${id} is ${status ?? "gone"} again: ${reason}${dryRun ? " (dry run)" : ""}\n`,
  };
};
