import { join } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { checkedTargets } from "../template-folders";
import { readLock } from "../../lock/index";
import { differences, loadTemplate, renderTemplate, writeRendered } from "../../render/index";
import { Failure } from "../../support/errors";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const check = args.flag("check") || context.dryRun;
  const results = await Promise.all(
    (await checkedTargets(args, context)).map(async ({ template, version }) => {
      const folder = paths(context.root).project(template, version);
      const lock = await readLock(join(folder, "lock.json"));
      if (lock === undefined)
        throw wrongUsage(
          `There is no lock for ${template} ${version}.`,
          `Write it: mesa-template lock ${version}`,
        );
      const rendered = renderTemplate(await loadTemplate(context.root, template), lock);
      const differing = await differences(context.root, rendered);
      if (!check) await writeRendered(context.root, rendered);
      return { template, mesaVersion: version, folder, inputsDigest: rendered.inputsDigest, differing };
    }),
  );
  const differing = results.filter((result) => result.differing.length > 0);
  const drift = check && differing.length > 0;
  const failure = drift
    ? new Failure({
        code: "RENDER_DRIFT",
        kind: "drift",
        message: `These folders differ from what their locks render: ${differing.map(({ folder }) => folder).join(", ")}.`,
        hint: `Render them again: mesa-template render ${differing[0]?.mesaVersion ?? "VERSION"}`,
        log: results.flatMap((result) => result.differing.map((line) => `${result.template}: ${line}`)),
      })
    : undefined;
  return {
    error: failure,
    json: {
      results,
    },
    text:
      results.length === 0
        ? "There are no locks yet.\n"
        : results
            .map(
              (result) =>
                `${result.folder}: ${result.differing.length === 0 ? (check ? "up to date" : "unchanged") : `${check ? "would change" : "written"} (${result.differing.join(", ")})`}\n`,
            )
            .join(""),
  };
};
