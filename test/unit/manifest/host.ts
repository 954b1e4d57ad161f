import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";

/** A host whose clock and files are real, and that starts no programs. */
export function fileHost(runId: string): Host {
  return {
    env: {},
    clock: systemClock,
    fetch: globalThis.fetch,
    run: () => Promise.reject(new Error("not here")),
    emit: () => undefined,
    redact: createRedactor({}),
    signal: new AbortController().signal,
    runId,
  };
}
