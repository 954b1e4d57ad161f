import { resolve } from "node:path";
import { checkManifest } from "../../manifest/check";
import { EMPTY_MANIFEST } from "../../manifest/entry";
import { mergeManifests, updateManifest } from "../../manifest/index";
import { parseManifest, parseShape, readManifestText } from "../../manifest/read";
import { Failure, wrongUsage } from "../../support/errors";
import { paths } from "../../support/files/paths";
import type { CommandHandler } from "../command";

export const checkCommand: CommandHandler = async (args, context) => {
  const given = args.text("file");
  // A file needs no project; reading the root looks for one.
  const path = given === undefined ? paths(context.root).manifest : resolve(given);
  const text = await readManifestText(path);
  if (given !== undefined && text === undefined) refuseMissing(path);
  const manifest = text === undefined ? EMPTY_MANIFEST : parseShape(text, path);
  const problems = checkManifest(manifest);
  const count = Object.keys(manifest.versions).length;
  const broken = new Failure({
    code: "MANIFEST_PROBLEMS",
    kind: "manifest",
    message: `${String(problems.length)} problems in ${path}`,
  });
  return {
    error: problems.length === 0 ? undefined : broken,
    json: { versions: count, problems },
    text:
      problems.length === 0
        ? `${path}: ${String(count)} versions, no problems\n`
        : problems.map((problem) => `${problem.where}: ${problem.problem}: ${problem.message}\n`).join(""),
  };
};

export const mergeCommand: CommandHandler = async (args, { host, root }) => {
  const files = args.list("files").map((file) => resolve(file));
  if (files.length === 0)
    throw wrongUsage(
      "Which manifests?",
      "mesa-template manifest merge A.json B.json: they are joined into dockerfiles/manifest.json.",
    );
  const others = await Promise.all(
    files.map(async (file) => parseManifest((await readManifestText(file)) ?? refuseMissing(file), file)),
  );
  const path = paths(root).manifest;
  const merged = await updateManifest(host, path, (manifest) => others.reduce(mergeManifests, manifest));
  const count = Object.keys(merged.versions).length;
  return {
    json: { manifest: path, versions: count },
    text: `${path}: ${String(count)} versions\n`,
  };
};

function refuseMissing(path: string): never {
  throw wrongUsage(`There is no file ${path}.`);
}
