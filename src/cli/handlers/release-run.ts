import type { CommandContext, CommandOutcome } from "../command";
import { realStages } from "../../release/real-stages";
import { isEmpty, type Plan } from "../../release/plan";
import { refusalFailure } from "../../release/refuse-unproven";
import { nothingToDo, planAll, releaseAll } from "../../release/release";
import type { ReleaseRequest, TemplateResult } from "../../release/request";

/** Releases, or says what would be done (--dry-run). */
export async function releaseVersion(
  request: ReleaseRequest,
  context: CommandContext,
  outcome: (results: readonly TemplateResult[]) => CommandOutcome,
): Promise<CommandOutcome> {
  if (context.dryRun) return dryRun(request, context);
  const results = await nothingToDo(context.host, request, realStages);
  return outcome(results ?? (await releaseAll(context.host, request, realStages)));
}

async function dryRun(request: ReleaseRequest, context: CommandContext): Promise<CommandOutcome> {
  const plans = await planAll(context.host, request, request.templates);
  for (const { refusal, template } of plans)
    if (refusal !== undefined) throw refusalFailure(refusal, { template });
  return {
    json: {
      dryRun: true,
      plans: plans.map((plan) => ({
        template: plan.template,
        id: plan.id,
        upToDate: isEmpty(plan),
        steps: plan.steps,
      })),
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
