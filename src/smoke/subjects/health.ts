import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { API_PORT, type SmokeContainer } from "./container";
import { withTimeLimit } from "../../support/processes/time-limit";

/** Interval between requests, in ms: the API responds within a tenth of a second. */
const POLL_MS = 25;

/** Time limit for the first request, in ms: Node's fetch sometimes misses that a process's first connection was closed. */
const FIRST_REQUEST_MS = 250;
const REQUEST_MS = 2_000;

/**
 * Waits until the sandbox API responds. Notices at once if the container ends.
 * @throws Failure CONTAINER_DIED, HEALTH_TIMEOUT (exit 6) with the container's last lines
 */
export async function waitUntilHealthy(
  host: Host,
  container: SmokeContainer,
  limitMs: number,
): Promise<void> {
  const { engine, id } = container;
  const startedAt = host.clock.now();
  for (let requestLimitMs = FIRST_REQUEST_MS; ; requestLimitMs = Math.min(2 * requestLimitMs, REQUEST_MS)) {
    try {
      const healthy = await withTimeLimit(requestLimitMs, host.signal, async (signal) => {
        const response = await container.request(API_PORT, "/health", { signal });
        await response.body?.cancel();
        return response.ok;
      });
      if (healthy) return;
    } catch {
      host.signal.throwIfAborted();
    }
    const state = await engine.container(id);
    const log = async (): Promise<readonly string[]> =>
      (await engine.logs(id, 20)).map((line) => host.redact(line));
    if (state?.running !== true)
      throw died(state?.exitCode, state?.error ?? "", state?.oomKilled === true, await log());
    if (host.clock.now() - startedAt > limitMs) {
      throw new Failure({
        code: "HEALTH_TIMEOUT",
        kind: "smoke",
        message: `The sandbox API did not answer /health within ${String(Math.round(limitMs / 1000))} s.`,
        log: await log(),
        hint: "It must listen on 0.0.0.0:8080 (or ::), not on the loopback only.",
      });
    }
    await host.clock.sleep(POLL_MS, host.signal);
  }
}

/** What the container's exit code says about its entrypoint (as docker run: 126 cannot be executed, 127 not found). */
function meaning(code: number | undefined, oomKilled: boolean, log: readonly string[]): string {
  if (oomKilled) return "It ran out of memory.";
  if (log.some((line) => line.includes("exec format error")))
    return "exec format error: the entrypoint or the sandbox API is for another machine, or a script without #!/bin/sh.";
  if (code === 126)
    return "Exit 126: the entrypoint or the sandbox API exists but is not executable (mode 0755?).";
  if (code === 127)
    return "Exit 127: the entrypoint or the sandbox API, or its interpreter, is not in the image.";
  return "The entrypoint must end with exec of the sandbox API; read its last lines above.";
}

function died(code: number | undefined, error: string, oomKilled: boolean, log: readonly string[]): Failure {
  return new Failure({
    code: "CONTAINER_DIED",
    kind: "smoke",
    message: `The container exited with ${String(code ?? "no exit code")} before the sandbox API answered${error === "" ? "" : ` (${error})`}.`,
    log,
    hint: meaning(code, oomKilled, log),
  });
}
