import { resolve } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { checkManifest } from "../../manifest/check";
import { EMPTY_MANIFEST } from "../../manifest/entry";
import { parseShape, readManifestText } from "../../manifest/read";
import { Failure } from "../../support/errors";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { root }) => {
  const given = args.text("file");
  const path = given === undefined ? paths(root).manifest : resolve(given);
  const text = await readManifestText(path);
  if (given !== undefined && text === undefined) throw wrongUsage(`There is no file ${path}.`);
  const manifest = text === undefined ? EMPTY_MANIFEST : parseShape(text, path);
  const problems = checkManifest(manifest);
  const count = Object.keys(manifest.versions).length;
  const failure =
    problems.length === 0
      ? undefined
      : new Failure({
          code: "MANIFEST_PROBLEMS",
          kind: "manifest",
          message: `${String(problems.length)} problems in ${path}`,
        });
  return {
    error: failure,
    json: {
      versions: count,
      problems,
    },
    text:
      problems.length === 0
        ? `${path}: ${String(count)} versions, no problems\n`
        : problems.map((problem) => `${problem.where}: ${problem.problem}: ${problem.message}\n`).join(""),
  };
};
