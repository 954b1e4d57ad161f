import { expect, it } from "vitest";
import { waitForAnswer } from "../../../src/blaxel/answering";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";

it("an answer that stays the same is told once, however often it is asked for", async () => {
  const answers = [502, 502, 502, 404, 404, 502, 200];
  let now = 0;
  const host: Host = {
    env: { BL_WORKSPACE: "w", BL_API_KEY: "k" },
    clock: {
      now: () => now,
      sleep: (ms) => {
        now += ms;
        return Promise.resolve();
      },
    },
    fetch: () => Promise.resolve(new Response("", { status: answers.shift() ?? 200 })),
    run: () => Promise.reject(new Error("not here")),
    emit: () => undefined,
    redact: createRedactor({}),
    signal: new AbortController().signal,
    runId: "0123456789ab",
  };
  const told: string[] = [];
  const wait = { until: 60_000, pollMs: 2_000, onSeen: (seen: string) => told.push(seen) };
  expect(await waitForAnswer(host, "http://sandbox.invalid", wait)).toBeUndefined();
  expect(told).toEqual(["HTTP 502", "HTTP 404", "HTTP 502"]);
});
