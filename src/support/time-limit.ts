interface Waiting {
  readonly stops: Set<() => void>;
  readonly stopAll: () => void;
}

/** What waits for a signal to be aborted: one listener on it, however many wait, so that a signal that lives long is not burdened. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Calls `stop` when the signal is aborted; answers with what takes that back. */
function whenAborted(signal: AbortSignal, stop: () => void): () => void {
  let all = waiting.get(signal);
  if (all === undefined) {
    const stops = new Set<() => void>();
    all = {
      stops,
      stopAll: () => {
        for (const one of [...stops]) one();
      },
    };
    waiting.set(signal, all);
    signal.addEventListener("abort", all.stopAll, { once: true });
  }
  const { stops, stopAll } = all;
  stops.add(stop);
  return () => {
    stops.delete(stop);
    if (stops.size > 0) return;
    signal.removeEventListener("abort", stopAll);
    if (waiting.get(signal)?.stops === stops) waiting.delete(signal);
  };
}

interface Limit {
  readonly signal: AbortSignal;
  /** Lets go of the timer and of the parent. */
  readonly release: () => void;
}

function startLimit(ms: number, parent: AbortSignal): Limit {
  const controller = new AbortController();
  const { signal } = controller;
  if (parent.aborted) {
    controller.abort(parent.reason);
    return { signal, release: () => undefined };
  }
  const release = (): void => {
    clearTimeout(timer);
    forget();
  };
  const forget = whenAborted(parent, () => {
    release();
    controller.abort(parent.reason);
  });
  const timer = setTimeout(() => {
    release();
    controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
  }, ms);
  timer.unref();
  return { signal, release };
}

/**
 * A signal that is aborted with `parent`, or in `ms` with a TimeoutError, whichever comes first. Its timer does not keep the
 * process alive. Where the work ends in the same function, withTimeLimit lets go of timer and parent at once.
 *
 * AbortSignal.any([parent, AbortSignal.timeout(ms)]) means the same, but Node 20 may collect that signal as garbage before it
 * fires, and what waits for it then waits for ever (seen with 20.20: 50 of 50 fetches under a busy collector).
 */
export function timeLimit(ms: number, parent: AbortSignal): AbortSignal {
  return startLimit(ms, parent).signal;
}

/** Does work with such a signal, and lets go of it when the work has ended. Throws what the work throws. */
export async function withTimeLimit<T>(
  ms: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, release } = startLimit(ms, parent);
  try {
    return await work(signal);
  } finally {
    release();
  }
}
