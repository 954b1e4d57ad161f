import { readLockAndCompare } from "../lock/check-lock";
import { loadUpstreamIfPresent } from "../lock/upstream";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import type { Host } from "../support/host";
import { paths } from "../support/paths";
import type { LockStage, Stages } from "./stages";

/** Locks a template (keeps a fitting lock unless `relock`) and renders it into its folder: the start of each single-stage command. */
export async function lockedAndRendered(
  host: Host,
  request: LockStage & { readonly relock: boolean },
  stages: Pick<Stages, "lock">,
): Promise<RenderedTemplate> {
  const { root, template, version } = request;
  const source = await loadTemplate(root, template);
  const named = { settings: source.settings, upstream: await loadUpstreamIfPresent(request.upstreamPath) };
  const there = request.relock
    ? undefined
    : await readLockAndCompare(paths(root).lockFile(template, version), named);
  const lock = (there?.stale.length === 0 ? there.lock : undefined) ?? (await stages.lock(host, request));
  const rendered = renderTemplate(source, lock);
  await writeRendered(root, rendered);
  return rendered;
}
