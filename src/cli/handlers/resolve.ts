import type { CommandHandler } from "../command";
import { oneEntry } from "../ref";
import { readManifest } from "../../manifest/index";
import { usableImage } from "../../manifest/versions/usable-image";
import { entryDocument, newestDeployment } from "../../manifest/versions/in-workspace";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { root, templates }) => {
  const manifest = await readManifest(paths(root).manifest);
  const ref = args.required("ref");
  const version = oneEntry(manifest, ref, templates);
  const image = usableImage(version);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, ref, image, version: entryDocument(version, newestDeployment(version)?.workspace) },
    text: `${image}\n`,
  };
};
