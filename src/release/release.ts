import pLimit from "p-limit";
import { publishTarget } from "../lock/upstream";
import { isLeftLock } from "../support/files/file-lock";
import { paths } from "../support/files/paths";
import { aloneWith, releaseTemplate, upToDateResult } from "./apply";
import { gatherFacts } from "./facts";
import { isEmpty, planRelease, type Plan } from "./plan";
import type { PlanRequest, ReleaseRequest, TemplateResult } from "./request";
import { type Run, upstreamIfPresent } from "./run";
import type { Stages } from "./stages/stages";

/** What a release would do with each template. Asks neither engine nor network nor Blaxel. */
export async function planAll(
  run: Run,
  request: PlanRequest,
  templates: readonly string[],
): Promise<readonly Plan[]> {
  return Promise.all(
    templates.map(async (template) => planRelease((await gatherFacts(run, request, template)).facts)),
  );
}

/** The result if no template has anything to do; undefined otherwise. Also removes what a killed run left. */
export async function nothingToDo(
  run: Run,
  request: ReleaseRequest,
  stages: () => Promise<Stages>,
): Promise<readonly TemplateResult[] | undefined> {
  const plans = await planAll(run, request, request.templates);
  for (const { refusal } of plans) if (refusal !== undefined) throw refusal;
  if (!plans.every(isEmpty)) return undefined;
  for (const template of request.templates)
    if (await isLeftLock(paths(run.root).lock(`${template}@${request.version}`)))
      await aloneWith(run, request, template, await stages(), () => Promise.resolve());
  run.host.emit({ type: "release-finished", ok: true, upToDate: true });
  return plans.map((plan) => upToDateResult(plan, []));
}

/**
 * Releases a version of several templates in parallel; a failed one does not stop the others.
 * @returns a result per template in the requested order. Interruption is thrown after every template has cleaned up.
 */
export async function releaseAll(
  run: Run,
  request: ReleaseRequest,
  stages: Stages,
): Promise<readonly TemplateResult[]> {
  if (request.scan !== undefined) {
    const { requireScanner } = await import("../build/scan");
    await requireScanner(run.host);
  }
  if (request.deploy) await stages.checkDeployPossible();
  const upstream = request.deploy ? await upstreamIfPresent(run) : undefined;
  const publishes = request.deploy && publishTarget(upstream, request.registry) !== undefined;
  const { version, templates } = request;
  run.host.emit({ type: "release-started", version, templates, ...(publishes ? { publishes } : {}) });
  if (request.deploy && !publishes)
    run.host.emit({
      type: "note",
      message:
        "no registry is set: Blaxel builds its own image from the uploaded source, and verify checks that one. To deploy the image that is proven here, set [publish] registry in upstream.toml, or --registry.",
    });
  const limit = pLimit(request.concurrency);
  const settled = await Promise.allSettled(
    request.templates.map((template) => limit(() => releaseTemplate(run, request, template, stages))),
  );
  const results: TemplateResult[] = [];
  for (const outcome of settled) {
    if (outcome.status === "rejected") throw outcome.reason;
    results.push(outcome.value);
  }
  run.host.emit({ type: "release-finished", ok: results.every((result) => result.error === undefined) });
  return results;
}
