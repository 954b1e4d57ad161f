import { resolve } from "node:path";
import type { Severity } from "../../build/severity";
import { parseMesaVersion } from "../../lock/mesa-version";
import { signerFrom } from "../../publish/signer";
import { isEmpty, type Plan } from "../../release/plan";
import { nothingToDo, planAll, releaseAll } from "../../release/release";
import type { ReleaseRequest, TemplateResult } from "../../release/request";
import { once } from "../../release/run";
import { wrongUsage } from "../../support/errors";
import { humanBytes } from "../../support/text/bytes";
import type { CommandArgs } from "../line/arguments";
import type { CommandContext, CommandHandler, CommandOutcome } from "../command";
import { resultsOutcome } from "../output/output";
import { templateFolders } from "../template-folders";

/** The options of builds and releases from the command line. */
export function buildOptions(args: CommandArgs) {
  const files = (name: string): readonly string[] => args.list(name).map((file) => resolve(file));
  return {
    force: args.flag("force"),
    relock: args.flag("relock"),
    trustKey: args.text("trust-key"),
    structureTests: files("structure-tests"),
    checks: files("checks"),
    builder: args.text("builder"),
    scan: args.text("scan") as Severity | undefined,
  };
}

/** The options of a release from the command line, without the version. */
export async function releaseOptions(
  args: CommandArgs,
  context: CommandContext,
): Promise<Omit<ReleaseRequest, "version">> {
  const templates = templateFolders(context);
  const locking = ["frozen", "relock", "refresh"].filter((name) => args.flag(name));
  if (locking.length > 1)
    throw wrongUsage(
      `--${locking.join(" and --")}: --frozen resolves nothing, --relock resolves everything, and --refresh also builds to compare: give one of them.`,
    );
  return {
    ...buildOptions(args),
    templates,
    concurrency: context.concurrency,
    refresh: args.flag("refresh"),
    frozen: args.flag("frozen"),
    adopt: args.flag("adopt"),
    deploy: args.flag("deploy"),
    verify: args.flag("verify"),
    allowSkipped: args.flag("allow-skipped"),
    publish: args.text("publish") === "push" ? "push" : "deploy",
    registry: args.text("registry"),
    signer: await signerFrom(context.host, { signKey: args.text("sign-key"), sign: args.text("sign") }),
    timeoutMs: args.duration("deploy-timeout"),
  };
}

/** A release with the options of the command line, but for these. */
function releaseWith(fixed: Partial<ReleaseRequest>): CommandHandler {
  return async (args, context) => {
    const version = parseMesaVersion(args.required("mesa-version"));
    return releaseOrPlan({ ...(await releaseOptions(args, context)), version, ...fixed }, context);
  };
}

export const releaseCommand = releaseWith({});
export const deployCommand = releaseWith({ deploy: true, verify: false });

async function releaseOrPlan(request: ReleaseRequest, context: CommandContext): Promise<CommandOutcome> {
  if (context.dryRun) return dryRun(request, context);
  // Loaded where there is something to do: it names every room.
  const stages = once(async () => (await import("../../release/stages/stages")).realStages(context));
  const upToDate = await nothingToDo(context, request, stages);
  const results = upToDate ?? (await releaseAll(context, request, await stages()));
  return outcome(results, request.refresh ? "nothing new" : "up to date");
}

/** The results for people and machines, and the exit code of the first failed template. */
export function outcome(results: readonly TemplateResult[], same = "up to date"): CommandOutcome {
  return resultsOutcome(results, results.map((result) => resultLine(result, same)).join(""));
}

function resultLine(result: TemplateResult, same: string): string {
  const id = result.id ?? result.template;
  if (result.upToDate)
    return `${id}  ${same} (${result.status} since ${result.since ?? "?"})${imageText(result)}\n`;
  const smoke =
    result.smoke === null
      ? ""
      : `  smoke ${String(result.smoke.passed)}/${String(result.smoke.passed + result.smoke.failed + result.smoke.skipped)}`;
  const size = result.image === null ? "" : `  ${humanBytes(result.image.sizeBytes)}`;
  return `${id}  ${result.status}${smoke}${size}${imageText(result)}\n`;
}

function imageText(result: TemplateResult): string {
  return result.deployment === null ? "" : `  ${result.deployment.image}`;
}

async function dryRun(request: ReleaseRequest, context: CommandContext): Promise<CommandOutcome> {
  const plans = await planAll(context, request, request.templates);
  for (const { refusal } of plans) if (refusal !== undefined) throw refusal;
  return {
    json: {
      dryRun: true,
      plans: plans.map((plan) => {
        const { template, id, steps } = plan;
        return { template, id, upToDate: isEmpty(plan), steps };
      }),
    },
    text: plans.map(planText).join("\n"),
  };
}

function planText(plan: Plan): string {
  const head = `${plan.template}: ${isEmpty(plan) ? "up to date" : "would release"}${plan.id === null ? "" : ` ${plan.id}`}\n`;
  return (
    head +
    plan.steps.map((step) => `  ${step.stage.padEnd(7)} ${step.action.padEnd(5)}  ${step.why}\n`).join("")
  );
}
