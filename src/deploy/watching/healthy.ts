import { waitForAnswer } from "../../blaxel/answering";
import type { SandboxState } from "../../blaxel/platform";
import { Failure } from "../../support/errors";
import { lastIn, lastLog, pause, type Watching } from "../deploy-context";

/** Time limit for the API to respond after DEPLOYED, in ms; a starting sandbox takes seconds. */
const HEALTH_MS = 60_000;

/**
 * Waits until the deployed sandbox's API responds, because DEPLOYED alone does not prove that the new image runs.
 * @param sentAt time of the upload, ms since the epoch
 * @throws Failure SANDBOX_UNHEALTHY (exit 7) with the last answer and the sandbox's log
 */
export async function waitUntilHealthy(work: Watching, sandbox: SandboxState, sentAt: number): Promise<void> {
  const { host, platform, name, pollMs } = work;
  const until = Math.min(work.deadline, host.clock.now() + HEALTH_MS);
  const log = (): Promise<readonly string[]> => lastLog(work, sentAt);
  let { url } = sandbox;
  while (url === undefined) {
    if (host.clock.now() >= until) throw unhealthy(name, "Blaxel names no address for it", await log());
    await pause(work, { until });
    url = (await platform.getSandbox(name))?.url;
  }
  const last = await waitForAnswer(host, url, {
    until,
    pollMs,
    onSeen: (seen) => {
      work.onProgress(`sandbox-api: ${seen}`);
    },
  });
  if (last !== undefined)
    throw unhealthy(name, `its API is not responding (last answer: ${last})`, await log());
}

/** The failure for a sandbox that exists and does not respond. */
function unhealthy(name: string, seen: string, log: readonly string[]): Failure {
  return new Failure({
    code: "SANDBOX_UNHEALTHY",
    kind: "deploy",
    message: `The sandbox ${name} exists, but ${seen}${lastIn(log)}.`,
    log,
    hint: `The entrypoint must keep sandbox-api running in the foreground; bl logs sandbox ${name} shows why it exited.`,
  });
}
