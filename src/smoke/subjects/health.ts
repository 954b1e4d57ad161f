import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { API_PORT, type SmokeContainer } from "./container";
import { lastLines, whyDied } from "./died";
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
    const died = await whyDied(host, engine, id, "before the sandbox API answered");
    if (died !== undefined) throw died;
    if (host.clock.now() - startedAt > limitMs) {
      throw new Failure({
        code: "HEALTH_TIMEOUT",
        kind: "smoke",
        message: `The sandbox API did not answer /health within ${String(Math.round(limitMs / 1000))} s.`,
        log: await lastLines(host, engine, id),
        hint: "It must listen on 0.0.0.0:8080 (or ::), not on the loopback only.",
      });
    }
    await host.clock.sleep(POLL_MS, host.signal);
  }
}
