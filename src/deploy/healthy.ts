import type { Platform, SandboxState } from "../blaxel/platform";
import { sandboxHeaders } from "../blaxel/credentials-headers";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";

interface HealthOptions {
  readonly deadline: number;
  readonly pollMs: number;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** The API of a sandbox that boots answers within seconds; this long is waited after DEPLOYED, in ms. */
const HEALTH_MS = 60_000;

/**
 * Waits until the deployed sandbox's own API answers: DEPLOYED alone does not say that what was deployed runs. Gateway
 * errors right after DEPLOYED are normal and waited on.
 * @throws Failure SANDBOX_UNHEALTHY (exit 7) with the last answer and the sandbox's log
 */
export async function waitUntilHealthy(host: Host, platform: Platform, sandbox: SandboxState, options: HealthOptions): Promise<void> {
  if (sandbox.url === undefined || sandbox.url === "") return;
  const until = Math.min(options.deadline, host.clock.now() + HEALTH_MS);
  const headers = await sandboxHeaders(host);
  let seen = "no answer";
  for (;;) {
    try {
      const response = await host.fetch(`${sandbox.url.replace(/\/$/u, "")}/health`, {
        headers,
        redirect: "error",
        signal: AbortSignal.any([host.signal, AbortSignal.timeout(10_000)]),
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
        message: `${sandbox.name} is ${sandbox.status}, but its sandbox API does not answer (last: ${seen}).`,
        log: await platform.logLines(sandbox.name),
        hint: "The entrypoint must keep sandbox-api running in the foreground; read the log above for why it ended.",
      });
    }
    await host.clock.sleep(Math.max(0, Math.min(options.pollMs, until - host.clock.now())), host.signal);
  }
}
