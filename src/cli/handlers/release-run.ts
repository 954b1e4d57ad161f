import type { CommandContext, CommandOutcome } from "../command";
import { parseMesaVersion } from "../../lock/mesa-version";
import { readManifest } from "../../manifest/index";
import { planTemplate, type TemplatePlan } from "../../release/dry-run";
import { realStages, renderedFromLock } from "../../release/real-stages";
import { releaseAll } from "../../release/release";
import type { ReleaseRequest, TemplateResult } from "../../release/request";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

/** Releases, or says what would be done (--dry-run). */
export async function releaseVersion(
  request: ReleaseRequest,
  context: CommandContext,
  outcome: (results: readonly TemplateResult[]) => CommandOutcome,
): Promise<CommandOutcome> {
  parseMesaVersion(request.version);
  if (context.dryRun) return dryRun(request);
  return outcome(await releaseAll(context.host, request, realStages));
}

async function dryRun(request: ReleaseRequest): Promise<CommandOutcome> {
  const folders = paths(request.root);
  const manifest = await readManifest(folders.manifest);
  const plans = await Promise.all(
    request.templates.map(async (template) => {
      const rendered = request.relock ? undefined : await renderedFromLock(request, template);
      return planTemplate(request, folders, template, manifest, rendered?.inputsDigest);
    }),
  );
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, dryRun: true, plans },
    text: plans.map(planText).join("\n"),
  };
}

function planText(plan: TemplatePlan): string {
  const head = `${plan.template}: ${plan.upToDate ? "up to date" : "would release"}${plan.id === null ? "" : ` ${plan.id}`}\n`;
  return (
    head +
    plan.steps.map((step) => `  ${step.stage.padEnd(7)} ${step.would.padEnd(5)}  ${step.why}\n`).join("")
  );
}
