import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler } from "../command";
import { table } from "../output/table";
import { allRendered, templateFolders } from "../template-folders";
import { parseMesaVersion } from "../../lock/index";
import { isEmpty } from "../../release/plan";
import type { Target } from "../../release/request";
import { planAll } from "../../release/release";

/** Limit of jobs per matrix: "A matrix will generate a maximum of 256 jobs per workflow run" (GitHub Docs, workflow syntax). */
const MOST_JOBS = 256;

/** Every template at every version, grouped by template, without duplicates. */
export function allJobs(templates: readonly string[], versions: readonly string[]): readonly Target[] {
  return [...new Set(templates)].flatMap((template) =>
    [...new Set(versions)].map((version) => ({ template, version })),
  );
}

export const run: CommandHandler = async (args, context) => {
  const jobs = await jobsFor(args, context);
  if (jobs.length > MOST_JOBS)
    context.host.emit({
      type: "warning",
      message: `${String(jobs.length)} jobs: GitHub starts at most ${String(MOST_JOBS)} from one matrix. Narrow it with versions or --template.`,
    });
  return {
    // Exactly what strategy.matrix accepts: any other key would become a dimension.
    json: { include: jobs },
    isWhole: true,
    text:
      jobs.length === 0
        ? "Nothing to release.\n"
        : table(
            ["TEMPLATE", "VERSION"],
            jobs.map(({ template, version }) => [template, version]),
            context.terminal.width,
          ),
  };
};

/** The requested jobs; without a version, everything that is locked. */
async function jobsFor(args: CommandArgs, context: CommandContext): Promise<readonly Target[]> {
  const versions = args.list("versions").map(parseMesaVersion);
  const templates = templateFolders(context);
  const asked =
    versions.length > 0
      ? allJobs(templates, versions)
      : (
          await Promise.all(
            templates.map(async (template) => (await allRendered(context.root, [template])).toReversed()),
          )
        ).flat();
  const everything = versions.length > 0 ? !args.flag("needed") : args.flag("all");
  return everything ? asked : unfinished(context, asked);
}

/** The jobs with a plan that is not empty, without withdrawn versions. */
async function unfinished(context: CommandContext, jobs: readonly Target[]): Promise<readonly Target[]> {
  const { root } = context;
  const asked = {
    ...{ root, force: false, relock: false, frozen: false, deploy: true, verify: true },
    ...{ refresh: false, allowSkipped: false, structureTests: [], checks: [] },
    ...{ registry: undefined, signer: undefined, scan: undefined },
  };
  const kept: Target[] = [];
  for (const job of jobs) {
    const [plan] = await planAll(context, { ...asked, version: job.version }, [job.template]);
    if (plan !== undefined && plan.refusal?.because !== "revoked" && !plan.withdrawn && !isEmpty(plan))
      kept.push(job);
  }
  return kept;
}
