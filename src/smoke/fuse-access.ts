import type { Host } from "../support/host";
import { FUSE_PROBE } from "./checks/probes";
import { execIn, type SmokeContainer } from "./container";

const REFUSED = /permission denied|operation not permitted/iu;

/**
 * Why a container cannot mount with its /dev/fuse. A rootless engine passes the device into the container even if its user may not open it.
 * Undefined if the container can mount, or if something else is missing, such as a shell: the image's checks report that.
 */
export async function whyFuseIsRefused(
  host: Host,
  container: Pick<SmokeContainer, "engine" | "id">,
): Promise<string | undefined> {
  if (!container.engine.facts.rootless) return undefined;
  const tried = await execIn(host, container, { script: FUSE_PROBE, user: "0", timeoutMs: 10_000 }).catch(
    () => undefined,
  );
  const words = tried === undefined ? "" : `${tried.stdout}${tried.stderr}`.trim();
  if (tried?.exitCode === 0 || !REFUSED.test(words)) return undefined;
  return `the engine is rootless, and its user may not mount with /dev/fuse (${words.slice(0, 200)}): make the device accessible on its machine (chmod 666 /dev/fuse)`;
}
