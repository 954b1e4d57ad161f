import type { Clock } from "./clock";

/**
 * Rejects when the time is up, or the signal is aborted; the work itself cannot be stopped and is left to end on its own.
 * @param limitMs how long the work may take, in ms
 * @throws what `late` makes
 */
export async function within<T>(
  clock: Clock,
  work: Promise<T>,
  limitMs: number,
  late: () => Error,
  signal?: AbortSignal,
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
