import { readLockAndCompare } from "../lock/check-lock";
import { refuseUnfitCredential } from "../mesa/access";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import { paths } from "../support/files/paths";
import { type Run, upstreamIfPresent } from "./run";
import { testFilesOf } from "./proof/test-files";
import type { BuildRequest, LockRequest, TestFilesAsked } from "./request";
import { stageProgress } from "./stages/stage-runner";
import type { Stages } from "./stages/stages";

/** Locks a template (keeps a fitting lock unless `relock`) and renders it into its folder: the start of each single-stage command. */
export async function lockedAndRendered(
  run: Run,
  request: LockRequest & { readonly relock: boolean },
  stages: Pick<Stages, "lock">,
): Promise<RenderedTemplate> {
  const { root } = run;
  const { template, version } = request;
  const source = await loadTemplate(root, template);
  const named = { settings: source.settings, upstream: await upstreamIfPresent(run) };
  const there = request.relock
    ? undefined
    : await readLockAndCompare(paths(root).lockFile(template, version), named);
  const lock = (there?.stale.length === 0 ? there.lock : undefined) ?? (await stages.lock(request));
  const rendered = renderTemplate(source, lock);
  await writeRendered(root, rendered);
  return rendered;
}

/**
 * Builds a version if necessary, and runs its checks in a local container. Records nothing.
 * @returns the report, failed checks included
 * @throws Failure of the earlier stages; MESA_CREDENTIAL_UNFIT (exit 3) before the build
 */
export async function smokeVersion(
  run: Run,
  request: LockRequest & BuildRequest & TestFilesAsked & { readonly relock: boolean },
  stages: Pick<Stages, "checkTestFiles" | "lock" | "build" | "smoke">,
): Promise<SmokeReport> {
  const { template, version } = request;
  const progress = stageProgress(run.host, template, "smoke");
  const files = testFilesOf(run.root, template, request);
  await stages.checkTestFiles(files);
  const rendered = await lockedAndRendered(run, request, stages);
  refuseUnfitCredential(run.host.env, version);
  const { image } = await stages.build(rendered, request, progress);
  return stages.smoke(rendered, image, files, progress);
}
