import { readdir } from "node:fs/promises";
import { join } from "node:path";
import compare from "semver/functions/compare";
import valid from "semver/functions/valid";
import type { CommandArgs, CommandContext, CommandHandler } from "../command";
import { allJobs, MOST_JOBS, type Job } from "../pipeline-matrix";
import { table } from "../table";
import { templateFolders } from "../template-folders";
import { parseMesaVersion } from "../../lock/index";
import { isEmpty } from "../../release/plan";
import { planAll } from "../../release/release";
import { hasErrno } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const jobs = await jobsFor(args, context);
  if (jobs.length > MOST_JOBS)
    context.host.emit({
      type: "warning",
      message: `${String(jobs.length)} jobs: GitHub starts at most ${String(MOST_JOBS)} from one matrix. Narrow it with versions or --template.`,
    });
  return {
    exitCode: EXIT_CODES.done,
    // Exactly what strategy.matrix takes: any other key would be a dimension of it.
    json: { include: jobs },
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

/** What was asked for; where no version was named, what is locked. */
async function jobsFor(args: CommandArgs, context: CommandContext): Promise<readonly Job[]> {
  const versions = args.list("versions").map(parseMesaVersion);
  const templates = await templateFolders(context);
  const asked =
    versions.length > 0
      ? allJobs(templates, versions)
      : (await Promise.all(templates.map((template) => lockedJobs(context, template)))).flat();
  const everything = versions.length > 0 ? !args.flag("needed") : args.flag("all");
  return everything ? asked : unfinished(context, asked);
}

/** A template at every version it has a folder for, newest first. */
async function lockedJobs(context: CommandContext, template: string): Promise<readonly Job[]> {
  const names = await foldersIn(join(paths(context.root).dockerfiles, template));
  return names
    .filter((name) => valid(name) === name)
    .sort((a, b) => compare(b, a))
    .map((version) => ({ template, version }));
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

/** The jobs whose plan is not empty, without versions that were withdrawn. */
async function unfinished(context: CommandContext, jobs: readonly Job[]): Promise<readonly Job[]> {
  const { host, root } = context;
  const upstreamPath = context.upstream ?? paths(root).upstream;
  const asked = {
    ...{ root, upstreamPath, force: false, relock: false, frozen: false, deploy: true, verify: true },
    ...{ allowSkipped: false, structureTests: [], checks: [], registry: undefined, scan: undefined },
  };
  const kept: Job[] = [];
  for (const job of jobs) {
    const [plan] = await planAll(host, { ...asked, version: job.version }, [job.template]);
    if (plan !== undefined && plan.refusal?.because !== "revoked" && !plan.withdrawn && !isEmpty(plan))
      kept.push(job);
  }
  return kept;
}
