import { readdir } from "node:fs/promises";
import { join } from "node:path";
import compare from "semver/functions/compare";
import valid from "semver/functions/valid";
import type { CommandArgs, CommandContext, CommandHandler } from "../command";
import { allJobs, isUnfinished, MOST_JOBS, type Job } from "../pipeline-matrix";
import { table } from "../table";
import { templateFolders } from "../template-folders";
import { parseMesaVersion, readLock } from "../../lock/index";
import { readManifest } from "../../manifest/index";
import { loadTemplate, renderTemplate, type TemplateSource } from "../../render/index";
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
  return everything ? asked : unfinished(context, templates, asked);
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

/** Those of the jobs that have something to do; what has no lock yet has. */
async function unfinished(
  context: CommandContext,
  templates: readonly string[],
  jobs: readonly Job[],
): Promise<readonly Job[]> {
  const folders = paths(context.root);
  const manifest = await readManifest(folders.manifest);
  const sources = new Map<string, TemplateSource>(
    await Promise.all(templates.map(async (name) => [name, await loadTemplate(context.root, name)] as const)),
  );
  const kept: Job[] = [];
  for (const job of jobs) {
    const lock = await readLock(folders.lockFile(job.template, job.version));
    const source = sources.get(job.template);
    const digest =
      lock === undefined || source === undefined ? "" : renderTemplate(source, lock).inputsDigest;
    if (isUnfinished(manifest, job, digest)) kept.push(job);
  }
  return kept;
}
