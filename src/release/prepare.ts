import { readLock } from "../lock/lock-file";
import { loadTemplate, renderTemplate, writeRendered } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import type { Host } from "../support/host";
import { paths } from "../support/paths";
import type { LockStage, Stages } from "./stages";

/**
 * A template, locked (as it is, or anew where there is no lock or `relock` asks for it) and rendered into its folder: what the
 * commands of single stages begin with.
 */
export async function lockedAndRendered(
  host: Host,
  request: LockStage & { readonly relock: boolean },
  stages: Pick<Stages, "lock">,
): Promise<RenderedTemplate> {
  const { root, template, version } = request;
  const kept = request.relock ? undefined : await readLock(paths(root).lockFile(template, version));
  const lock = kept ?? (await stages.lock(host, request));
  const rendered = renderTemplate(await loadTemplate(root, template), lock);
  await writeRendered(root, rendered);
  return rendered;
}
