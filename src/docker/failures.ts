import { Failure, messageOf } from "../support/errors";

/** HTTP status of an engine's error; undefined if it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}

/** The engine's message without the HTTP frame that docker-modem adds. */
export function engineWords(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]*- /u, "")
    .trim();
}

/**
 * An engine's answer to a request.
 * @param what for the message when the engine refuses: "The container could not be started"
 * @param instead results for statuses that are no failure here
 * @throws Failure ENGINE_FAILED, ENGINE_GONE (exit 3); the signal's reason when it was aborted
 */
export async function answerOf<T>(
  what: string,
  request: () => Promise<T>,
  {
    instead = {},
    signal,
  }: { readonly instead?: Readonly<Record<number, T>>; readonly signal?: AbortSignal } = {},
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    signal?.throwIfAborted();
    const status = statusOf(error) ?? 0;
    if (status in instead) return instead[status] as T;
    throw engineFailed(what, error);
  }
}

/** The failure for an engine that refused a request, or stopped responding. */
export function engineFailed(what: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const gone = statusOf(error) === undefined;
  return new Failure({
    code: gone ? "ENGINE_GONE" : "ENGINE_FAILED",
    kind: "environment",
    message: `${what}: ${engineWords(error)}`,
    hint: gone
      ? "The connection to the container engine broke; check whether it is still running (docker info)."
      : "See the engine's message above; mesa-template doctor checks the engine.",
    cause: error,
  });
}
