import type { Agent } from "node:http";
import type { Duplex } from "node:stream";
import { withTimeLimit } from "../../support/processes/time-limit";

export interface Watch {
  /** Asks the engine for a sign of life. */
  readonly ping: (signal: AbortSignal) => Promise<unknown>;
  /** The shorter limit after an interruption. */
  readonly interrupted: AbortSignal;
  /** Interval between pings while a request is open, in ms; the answer may take nearly as long. */
  readonly everyMs?: number;
  /** Number of unanswered pings after which the engine counts as lost. */
  readonly patience?: number;
}

/**
 * Ends requests to an engine that is frozen or out of reach (a cut network sends no reset, and a waiting request sends nothing that could
 * fail). Pings the engine while requests are open; after too many unanswered pings they fail with an Error. Counts pings, not seconds, so
 * that a sleeping machine loses nothing.
 */
export function watchForSilence(
  agent: Agent,
  { ping, interrupted, everyMs = 10_000, patience = 12 }: Watch,
): void {
  let timer: NodeJS.Timeout | undefined;
  let unanswered = 0;
  let lost = false;
  let pinging = false;

  const sockets = (): readonly Duplex[] => Object.values(agent.sockets).flatMap((some) => some ?? []);
  const tick = async (): Promise<void> => {
    if (pinging) return;
    if (sockets().length === 0) {
      clearInterval(timer);
      timer = undefined;
      unanswered = 0;
      return;
    }
    pinging = true;
    try {
      await withTimeLimit(everyMs * 0.9, new AbortController().signal, ping);
      unanswered = 0;
      lost = false;
    } catch {
      unanswered += 1;
    } finally {
      pinging = false;
    }
    if (unanswered < (lost || interrupted.aborted ? Math.min(2, patience) : patience)) return;
    lost = true;
    const seconds = (unanswered * everyMs) / 1000;
    const silent = new Error(`the engine has not answered for ${String(seconds)} s`);
    for (const socket of sockets()) socket.destroy(silent);
  };

  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    timer ??= setInterval(() => void tick(), everyMs).unref();
    return connect(...args);
  };
}
