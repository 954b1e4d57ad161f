import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { withTimeLimit } from "../support/processes/time-limit";
import { sandboxHeaders, throughEdge } from "./control-plane";

export interface AnswerWait {
  /** Absolute limit, ms since the epoch; at least one attempt is made. */
  readonly until: number;
  readonly pollMs: number;
  /** Told of each answer that is another one than before. */
  readonly onSeen?: ((seen: string) => void) | undefined;
}

/** One attempt: how the sandbox's API answered through the edge ("HTTP 502"), or undefined if it is healthy. */
async function answerOf(host: Host, base: string, ask: Host["fetch"]): Promise<string | undefined> {
  try {
    return await withTimeLimit(10_000, host.signal, async (signal) => {
      const response = await ask(`${base}/health`, { redirect: "error", signal });
      await response.body?.cancel();
      return response.ok ? undefined : `HTTP ${String(response.status)}`;
    });
  } catch (error) {
    host.signal.throwIfAborted();
    return messageOf(error);
  }
}

/** Time before the next attempt, in ms: short at first, so that polling adds little to a short wait, and at most one interval. */
export function nextPause(waitedMs: number, pollMs: number): number {
  return Math.min(pollMs, pollMs / 6 + waitedMs / 10);
}

/**
 * Waits until a sandbox's API responds. Gateway errors right after a start are normal and ignored.
 * @returns undefined once it responds, else its last answer
 */
export async function waitForAnswer(host: Host, url: string, wait: AnswerWait): Promise<string | undefined> {
  const ask = throughEdge(host, await sandboxHeaders(host));
  const startedAt = host.clock.now();
  let before: string | undefined;
  for (;;) {
    const seen = await answerOf(host, url.replace(/\/$/u, ""), ask);
    if (seen === undefined) return undefined;
    if (seen !== before) wait.onSeen?.(seen);
    before = seen;
    const now = host.clock.now();
    const left = wait.until - now;
    if (left <= 0) return seen;
    await host.clock.sleep(Math.min(nextPause(now - startedAt, wait.pollMs), left), host.signal);
  }
}
