import type { Platform, SandboxState } from "../blaxel/platform";
import { sandboxHeaders } from "../blaxel/credentials-headers";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/time-limit";

interface HealthOptions {
  readonly deadline: number;
  readonly pollMs: number;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** The API of a sandbox that boots answers within seconds; this long is waited after DEPLOYED, in ms. */
const HEALTH_MS = 60_000;

/**
 * Waits until the deployed sandbox's own API answers: DEPLOYED alone does not say that what was deployed runs.
 * @throws Failure SANDBOX_UNHEALTHY (exit 7) with the last answer and the sandbox's log
 */
export async function waitUntilHealthy(
  host: Host,
  platform: Platform,
  sandbox: SandboxState,
  options: HealthOptions,
): Promise<void> {
  if (sandbox.url === undefined || sandbox.url === "") return;
  const limitMs = Math.max(0, Math.min(options.deadline - host.clock.now(), HEALTH_MS));
  await waitUntilAnswering(host, sandbox.name, sandbox.url, limitMs, {
    ...options,
    log: () => platform.logLines(sandbox.name),
  });
}

interface AnswerOptions {
  readonly pollMs?: number;
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly log?: () => Promise<readonly string[]>;
}

/** Waits until a sandbox's API answers through the edge. Gateway errors right after a start are normal and waited on. */
export async function waitUntilAnswering(
  host: Host,
  name: string,
  url: string,
  limitMs: number,
  options: AnswerOptions = {},
): Promise<void> {
  const until = host.clock.now() + limitMs;
  const headers = await sandboxHeaders(host);
  let seen = "no answer";
  for (;;) {
    try {
      const response = await host.fetch(`${url.replace(/\/$/u, "")}/health`, {
        headers,
        redirect: "error",
        signal: timeLimit(10_000, host.signal),
      });
      if (response.ok) return;
      seen = `HTTP ${String(response.status)}`;
    } catch (error) {
      host.signal.throwIfAborted();
      seen = messageOf(error);
    }
    options.onProgress?.(`sandbox-api: ${seen}`);
    if (host.clock.now() >= until) {
      throw new Failure({
        code: "SANDBOX_UNHEALTHY",
        kind: "deploy",
        message: `The sandbox ${name} is there, but its API does not answer (last: ${seen}).`,
        log: (await options.log?.()) ?? [],
        hint: `The entrypoint must keep sandbox-api running in the foreground; bl logs sandbox ${name} tells why it ended.`,
      });
    }
    await host.clock.sleep(
      Math.max(0, Math.min(options.pollMs ?? 500, until - host.clock.now())),
      host.signal,
    );
  }
}
