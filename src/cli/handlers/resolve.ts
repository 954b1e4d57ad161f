import type { CommandHandler } from "../command";
import { openManifest } from "../manifest-context";
import { entryDocument } from "../../manifest/versions/in-workspace";
import { oneEntry } from "../../manifest/versions/ref";
import { usableImage, workspaceAsked } from "../../manifest/versions/usable-image";

export const run: CommandHandler = async (args, context) => {
  const { manifest, workspaceInUse } = await openManifest(context);
  const ref = args.required("ref");
  const version = oneEntry(manifest, ref, context.templates);
  const workspace = workspaceAsked(manifest, workspaceInUse);
  const image = usableImage(manifest, version, workspace);
  return {
    json: { ref, image, workspace: workspace ?? null, version: entryDocument(version, workspace) },
    text: `${image}\n`,
  };
};
