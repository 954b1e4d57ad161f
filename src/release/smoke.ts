import type { ManifestEntry } from "../manifest/entry";
import { refuseUnfitCredential } from "../mesa/access";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import type { TestFiles } from "../smoke/index";
import type { SmokeReport } from "../smoke/report";
import { wrongUsage } from "../support/errors";
import { fittingLock } from "./facts";
import { type Run, upstreamIfPresent } from "./run";
import { testFilesOf } from "./proof/test-files";
import type { BuildRequest, LockRequest, Target } from "./request";
import { stageProgress } from "./stages/stage-runner";
import type { Stages } from "./stages/stages";

/** Locks a template (keeps a fitting lock unless `relock`) and renders it into its folder: the start of each single-stage command. */
export async function lockedAndRendered(
  run: Run,
  request: LockRequest & { readonly relock: boolean },
  stages: Pick<Stages, "lock">,
): Promise<RenderedTemplate> {
  const { root } = run;
  const source = await loadTemplate(root, request.template);
  const { lock } = await fittingLock(root, request, source, await upstreamIfPresent(run));
  const rendered = renderTemplate(source, lock ?? (await stages.lock(request)));
  await writeRendered(root, rendered);
  return rendered;
}

export interface SmokeTarget extends Target {
  /** The recorded version that it must be; absent: what template and lock give. */
  readonly of?: Pick<ManifestEntry, "id" | "inputsDigest">;
}

/**
 * Builds a version if necessary, and runs its checks in a local container. Records nothing.
 * @returns the report, failed checks included
 * @throws Failure of the earlier stages; USAGE (exit 2) if the recorded version had other inputs; MESA_CREDENTIAL_UNFIT (exit 3) before the build
 */
export async function smokeVersion(
  run: Run,
  request: LockRequest & BuildRequest & TestFiles & SmokeTarget & { readonly relock: boolean },
  stages: Pick<Stages, "checkTestFiles" | "lock" | "build" | "smoke">,
): Promise<SmokeReport> {
  const { template, version } = request;
  const progress = stageProgress(run.host, template, "smoke");
  const files = testFilesOf(run.root, template, request);
  await stages.checkTestFiles(files);
  const rendered = await lockedAndRendered(run, request, stages);
  const { of } = request;
  if (of !== undefined && of.inputsDigest !== rendered.inputsDigest)
    throw wrongUsage(
      `${of.id} was made from other inputs than the template and the lock give now, so smoke would check another image.`,
      `To check what they give: mesa-template smoke ${version} --template ${template}. To check what is deployed: mesa-template verify ${of.id}.`,
    );
  refuseUnfitCredential(run.host.env, version);
  const { image } = await stages.build(rendered, request, progress);
  return stages.smoke(rendered, image, files, progress);
}
