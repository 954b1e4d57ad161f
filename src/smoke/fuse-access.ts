import type { Host } from "../support/host";
import { FUSE_PROBE } from "./checks/probes";
import { execIn, type SmokeContainer } from "./container";

const REFUSED = /permission denied|operation not permitted/iu;

/**
 * Why a container cannot mount with the /dev/fuse it was given. Root of a rootless engine's container is a plain user of the engine's
 * machine: the engine hands the device in and starts, whether that user may open it or not. Undefined where it can, and where
 * what is missing is not a permission, a shell for one: that is the image's, and for its checks to find.
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
