import { setMaxListeners } from "node:events";

/** The signal of a limit, and what releases its timer and its parent. */
function startLimit(ms: number, parent: AbortSignal) {
  const controller = new AbortController();
  const { signal } = controller;
  if (parent.aborted) controller.abort(parent.reason);
  if (signal.aborted) return { signal, release: () => undefined };
  const end = (reason: unknown): void => {
    release();
    controller.abort(reason);
  };
  const withParent = (): void => {
    end(parent.reason);
  };
  const timer = setTimeout(() => {
    end(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
  }, ms);
  const release = (): void => {
    clearTimeout(timer);
    parent.removeEventListener("abort", withParent);
  };
  timer.unref();
  // A run's signal has as many limits as there is work; each removes its listener in the end.
  setMaxListeners(0, parent);
  parent.addEventListener("abort", withParent);
  return { signal, release };
}

/**
 * A signal that is aborted with `parent`, or after `ms` with a TimeoutError. Its timer does not keep the process alive. If the work ends in
 * the same function, use withTimeLimit, which releases timer and parent at once. AbortSignal.any([parent, AbortSignal.timeout(ms)]) means
 * the same, but Node 20 may garbage-collect that signal before it fires, and what waits for it then waits forever (seen with 20.20: 50 of
 * 50 fetches).
 */
export function timeLimit(ms: number, parent: AbortSignal): AbortSignal {
  return startLimit(ms, parent).signal;
}

/** Does work with such a signal and releases it afterwards. Throws what the work throws. */
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
