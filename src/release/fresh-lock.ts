import { loadUpstream, resolveLock } from "../lock/index";
import type { Lock } from "../lock/lock";
import { loadTemplate, renderTemplate, textsOf } from "../render/index";
import type { Host } from "../support/host";

export interface FreshLockRequest {
  readonly root: string;
  readonly upstreamPath: string;
  readonly template: string;
  /** The Mesa version. */
  readonly version: string;
  /** The lock of the same version that is there: where its inputs are the same, it is what comes back. */
  readonly previous?: Lock | undefined;
}

/** What a template would be locked and rendered to now. Nothing is written. Failures as in resolveLock and renderTemplate. */
export async function freshlyLocked(
  host: Host,
  request: FreshLockRequest,
): Promise<{ readonly lock: Lock; readonly rendered: Readonly<Record<string, string>> }> {
  const [source, upstream] = await Promise.all([
    loadTemplate(request.root, request.template),
    loadUpstream(request.upstreamPath),
  ]);
  const lock = await resolveLock(host, {
    template: request.template,
    settings: source.settings,
    mesaVersion: request.version,
    upstream,
    root: request.root,
    previous: request.previous,
  });
  const { files } = renderTemplate(source, lock);
  return {
    lock,
    rendered: textsOf(files),
  };
}
