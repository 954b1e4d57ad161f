import { loadUpstream, resolveLock, type Upstream } from "../lock/index";
import type { Lock } from "../lock/lock";
import { loadTemplate, renderTemplate, textsOf } from "../render/index";
import type { TemplateSource } from "../render/source";
import type { Host } from "../support/host";

export interface InputsRequest {
  readonly root: string;
  readonly template: string;
  /** The Mesa version. */
  readonly version: string;
  /** The existing lock of the same version; returned if its inputs are unchanged. */
  readonly previous?: Lock | undefined;
  /** Fingerprint of a key of the package repository to trust from now on. */
  readonly trustKey?: string | undefined;
}

/** All inputs of a version as of now. Writes nothing. Failures as in loadTemplate and resolveLock. */
export async function resolveInputs(
  host: Host,
  upstream: Upstream,
  { version, ...request }: InputsRequest,
): Promise<{ readonly source: TemplateSource; readonly lock: Lock }> {
  const source = await loadTemplate(request.root, request.template);
  const { settings } = source;
  return {
    source,
    lock: await resolveLock(host, { ...request, mesaVersion: version, settings, upstream }),
  };
}

/** The lock and the rendering that a template would get now. Writes nothing. Failures as in resolveInputs and renderTemplate. */
export async function freshlyLocked(
  host: Host,
  { upstreamPath, ...request }: InputsRequest & { readonly upstreamPath: string },
): Promise<{ readonly lock: Lock; readonly rendered: Readonly<Record<string, string>> }> {
  const { source, lock } = await resolveInputs(host, await loadUpstream(upstreamPath), request);
  return { lock, rendered: textsOf(renderTemplate(source, lock).files) };
}
