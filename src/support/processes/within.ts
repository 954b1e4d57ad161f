import type { Clock } from "../clock";

/**
 * Rejects when the time is up or the signal is aborted. The work cannot be stopped and ends on its own.
 * @param limitMs in ms
 * @throws what `late` returns
 */
export async function within<T>(
  clock: Clock,
  work: Promise<T>,
  limitMs: number,
  signal?: AbortSignal,
  late = (): Error => new Error(`no answer within ${String(limitMs / 1000)} s`),
): Promise<T> {
  const done = new AbortController();
  const ends = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
  try {
    return await Promise.race([
      work,
      clock.sleep(limitMs, ends).then(() => {
        throw late();
      }),
    ]);
  } finally {
    done.abort();
    work.catch(() => undefined);
  }
}
