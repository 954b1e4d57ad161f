import { getEventListeners } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { timeLimit, withTimeLimit } from "../../../../src/support/processes/time-limit";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const deaf: Server = createServer(() => undefined);
let url: string;

beforeAll(async () => {
  await new Promise<void>((done) => deaf.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${String((deaf.address() as AddressInfo).port)}/`;
});
afterAll(() => {
  deaf.closeAllConnections();
  deaf.close();
});

const nameOf = (error: unknown): string => (error as Error).name;

it("ends unanswered requests, however busy the garbage collector is", async () => {
  const never = new AbortController();
  const collecting = setInterval(collectGarbage, 5);
  try {
    const ended = Array.from({ length: 20 }, () =>
      fetch(url, { signal: timeLimit(100, never.signal) }).then(() => "answered", nameOf),
    );
    expect(new Set(await Promise.all(ended))).toEqual(new Set(["TimeoutError"]));
  } finally {
    clearInterval(collecting);
  }
});

it("ends with its parent, and with the parent's reason", async () => {
  const parent = new AbortController();
  const waiting = fetch(url, { signal: timeLimit(10_000, parent.signal) }).then(() => "answered", nameOf);
  const reason = new Error("Ctrl-C");
  reason.name = "Interrupted";
  parent.abort(reason);
  expect(await waiting).toBe("Interrupted");
  expect(timeLimit(10_000, parent.signal).reason).toBe(reason);
});

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

it("lets many wait for one signal without a warning, and burdens it with none that has ended", async () => {
  const parent = new AbortController();
  const warned = vi.fn();
  process.on("warning", warned);
  const limits = Array.from({ length: 50 }, (_, index) => timeLimit(5 + index, parent.signal));
  const long = timeLimit(60_000, parent.signal);
  await expect.poll(() => limits.every(({ aborted }) => aborted)).toBe(true);
  expect([long.aborted, listeners(parent.signal)]).toEqual([false, 1]);
  parent.abort(new Error("end"));
  expect([long.reason, listeners(parent.signal)]).toEqual([parent.signal.reason, 0]);
  process.off("warning", warned);
  expect(warned).not.toHaveBeenCalled();
});

it("lets go of the signal when the work has ended, well or not", async () => {
  const parent = new AbortController();
  const limits: AbortSignal[] = [];
  const work = (ending: Promise<string>) => (signal: AbortSignal) => {
    limits.push(signal);
    expect(listeners(parent.signal)).toBe(1);
    return ending;
  };
  expect(await withTimeLimit(60_000, parent.signal, work(Promise.resolve("done")))).toBe("done");
  expect(listeners(parent.signal)).toBe(0);
  const failing = work(Promise.reject(new Error("it fails")));
  await expect(withTimeLimit(60_000, parent.signal, failing)).rejects.toThrow("it fails");
  expect(listeners(parent.signal)).toBe(0);
  parent.abort();
  expect(limits.map(({ aborted }) => aborted)).toEqual([false, false]);
});
