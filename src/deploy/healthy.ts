import { waitForAnswer } from "../blaxel/answering";
import type { Platform, SandboxState } from "../blaxel/platform";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { lastLog } from "./build-log";

interface HealthOptions {
  readonly deadline: number;
  readonly pollMs: number;
  /** Time of the upload, ms since the epoch. */
  readonly sentAt: number;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** Time limit for the API to respond after DEPLOYED, in ms; a starting sandbox takes seconds. */
const HEALTH_MS = 60_000;

/**
 * Waits until the deployed sandbox's API responds, because DEPLOYED alone does not prove that the new image runs.
 * @throws Failure SANDBOX_UNHEALTHY (exit 7) with the last answer and the sandbox's log
 */
export async function waitUntilHealthy(
  host: Host,
  platform: Platform,
  sandbox: SandboxState,
  options: HealthOptions,
): Promise<void> {
  const { name } = sandbox;
  const { deadline, pollMs, sentAt, onProgress } = options;
  const until = Math.min(deadline, host.clock.now() + HEALTH_MS);
  const log = (): Promise<readonly string[]> => lastLog(host, platform, { name, sentAt, pollMs });
  let { url } = sandbox;
  while (url === undefined) {
    if (host.clock.now() >= until) throw unhealthy(name, "Blaxel names no address for it", await log());
    await host.clock.sleep(Math.max(0, Math.min(pollMs, until - host.clock.now())), host.signal);
    url = (await platform.getSandbox(name))?.url;
  }
  const answer = await waitForAnswer(host, url, {
    until,
    pollMs,
    onSeen: (seen) => onProgress?.(`sandbox-api: ${seen}`),
  });
  if (!answer.answers)
    throw unhealthy(name, `its API is not responding (last answer: ${answer.seen})`, await log());
}

/** The failure for a sandbox that exists and does not respond. */
function unhealthy(name: string, seen: string, log: readonly string[]): Failure {
  return new Failure({
    code: "SANDBOX_UNHEALTHY",
    kind: "deploy",
    message: `The sandbox ${name} exists, but ${seen}${log.length === 0 ? "" : ` (last in its log: ${log.at(-1) ?? ""})`}.`,
    log,
    hint: `The entrypoint must keep sandbox-api running in the foreground; bl logs sandbox ${name} shows why it exited.`,
  });
}
