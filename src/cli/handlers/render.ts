import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { templateFolders } from "../template-folders";
import { parseMesaVersion, readLock } from "../../lock/index";
import { differences, loadTemplate, projectFolder, renderTemplate, writeRendered } from "../../render/index";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, context) => {
  const version = parseMesaVersion(args.required("mesa-version"));
  const check = args.flag("check") || context.dryRun;
  const results = await Promise.all(
    (await templateFolders(context)).map(async (template) => {
      const folder = projectFolder(context.root, template, version);
      const lock = await readLock(join(folder, "lock.json"));
      if (lock === undefined)
        throw wrongUsage(`There is no lock for ${template} ${version}.`, `mesa-template lock ${version}`);
      const rendered = renderTemplate(await loadTemplate(context.root, template), lock);
      const differing = await differences(context.root, rendered);
      if (!check) await writeRendered(context.root, rendered);
      return { template, folder, inputsDigest: rendered.inputsDigest, differing };
    }),
  );
  const drift = check && results.some((result) => result.differing.length > 0);
  return {
    exitCode: drift ? EXIT_CODES.drift : EXIT_CODES.done,
    json: {
      ok: !drift,
      results,
      ...(drift
        ? {
            error: {
              code: "RENDER_DRIFT",
              message: "Folders differ from what would be rendered.",
              hint: `mesa-template render ${version}`,
              cause: null,
              log: results.flatMap((result) => result.differing.map((line) => `${result.template}: ${line}`)),
            },
          }
        : {}),
    },
    text: results
      .map(
        (result) =>
          `${result.folder}: ${result.differing.length === 0 ? "unchanged" : `${check ? "would change" : "written"} (${result.differing.join(", ")})`}\n`,
      )
      .join(""),
  };
};
