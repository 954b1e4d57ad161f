import { resolve } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { checkManifest } from "../../manifest/check";
import { EMPTY_MANIFEST } from "../../manifest/entry";
import { parseShape, readManifestText } from "../../manifest/read";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, { root }) => {
  const given = args.text("file");
  const path = given === undefined ? paths(root).manifest : resolve(given);
  const text = await readManifestText(path);
  if (given !== undefined && text === undefined) throw wrongUsage(`There is no file ${path}.`);
  const manifest = text === undefined ? EMPTY_MANIFEST : parseShape(text, path);
  const problems = checkManifest(manifest);
  const count = Object.keys(manifest.versions).length;
  return {
    exitCode: problems.length === 0 ? EXIT_CODES.done : EXIT_CODES.manifest,
    json: {
      ok: problems.length === 0,
      versions: count,
      problems,
      ...(problems.length === 0
        ? {}
        : {
            error: {
              code: "MANIFEST_PROBLEMS",
              message: `${String(problems.length)} problems in ${path}`,
              hint: null,
              cause: null,
              log: [],
            },
          }),
    },
    text:
      problems.length === 0
        ? `${path}: ${String(count)} versions, no problems\n`
        : problems.map((problem) => `${problem.where}: ${problem.problem}: ${problem.message}\n`).join(""),
  };
};
