import { resolve } from "node:path";
import { stat } from "node:fs/promises";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { mergeManifests, readManifest, updateManifest } from "../../manifest/index";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { host, root }) => {
  const files = args.list("files").map((file) => resolve(file));
  if (files.length === 0)
    throw wrongUsage(
      "Which manifests?",
      "mesa-template manifest merge A.json B.json: they are joined into dockerfiles/manifest.json.",
    );
  for (const file of files)
    if (
      !(await stat(file).then(
        (found) => found.isFile(),
        () => false,
      ))
    )
      throw wrongUsage(`There is no file ${file}.`);
  const others = await Promise.all(files.map(readManifest));
  const path = paths(root).manifest;
  const merged = await updateManifest(host, path, (manifest) => others.reduce(mergeManifests, manifest));
  const count = Object.keys(merged.versions).length;
  return {
    json: { manifest: path, versions: count },
    text: `${path}: ${String(count)} versions\n`,
  };
};
