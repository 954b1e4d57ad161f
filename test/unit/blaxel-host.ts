import { systemClock } from "../../src/support/clock";
import type { Host } from "../../src/support/host";
import { createRedactor } from "../../src/support/redact";

/** A host that asks Blaxel at `url`, with a key. */
export function blaxelHost(url: string, signal = new AbortController().signal): Host {
  return {
    env: { BL_API_URL: url, BL_WORKSPACE: "w", BL_API_KEY: "k" },
    clock: systemClock,
    fetch: globalThis.fetch,
    run: () => Promise.reject(new Error("not here")),
    emit: () => undefined,
    redact: createRedactor({}),
    signal,
    runId: "0123456789ab",
  };
}
