import { RELEASE_OPTIONS } from "../commands/release";
import { commandArguments, type CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler } from "../command";
import { table } from "../output/table";
import { renderedVersions } from "../template-folders";
import { parseMesaVersion } from "../../lock/index";
import { isEmpty } from "../../release/plan";
import type { PlanRequest, Target } from "../../release/request";
import { planAll } from "../../release/release";
import type { Run } from "../../release/run";
import { releaseOptions } from "./release";

/** Limit of jobs per matrix: "A matrix will generate a maximum of 256 jobs per workflow run" (GitHub Docs, workflow syntax). */
const MOST_JOBS = 256;

export const run: CommandHandler = async (args, context) => {
  const jobs = await jobsFor(args, context);
  const rows = jobs.map(({ template, version }) => [template, version]);
  if (jobs.length > MOST_JOBS)
    context.host.emit({
      type: "warning",
      message: `${String(jobs.length)} jobs: GitHub starts at most ${String(MOST_JOBS)} from one matrix. Narrow it with versions or --template.`,
    });
  return {
    // Exactly what strategy.matrix accepts: any other key would become a dimension.
    json: { include: jobs },
    isWhole: true,
    text: table(["TEMPLATE", "VERSION"], rows, context.terminal.width, "Nothing to release.\n"),
  };
};

/** The requested jobs, grouped by template; without a version, everything that is locked, newest first. */
async function jobsFor(args: CommandArgs, context: CommandContext): Promise<readonly Target[]> {
  const versions = [...new Set(args.list("versions").map(parseMesaVersion))];
  const everything = versions.length > 0 ? !args.flag("needed") : args.flag("all");
  const release = await releaseOptions(WITHOUT_OPTIONS, context);
  const jobs: Target[] = [];
  for (const template of release.templates) {
    const locked = versions.length > 0 ? [] : (await renderedVersions(context.root, template)).toReversed();
    for (const version of [...versions, ...locked])
      if (everything || (await isUnfinished(context, { ...release, version }, template)))
        jobs.push({ template, version });
  }
  return jobs;
}

/** What `release` is given without an option. */
const WITHOUT_OPTIONS = commandArguments(
  Object.fromEntries(Object.entries(RELEASE_OPTIONS).map(([name, option]) => [name, option.default])),
  [],
);

/** Whether there is something left to do for a job, and its version is not withdrawn. */
async function isUnfinished(run: Run, release: PlanRequest, template: string): Promise<boolean> {
  const [plan] = await planAll(run, release, [template]);
  return plan !== undefined && plan.refusal?.code !== "INPUTS_REVOKED" && !plan.withdrawn && !isEmpty(plan);
}
