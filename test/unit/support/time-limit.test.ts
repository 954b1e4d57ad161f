import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { timeLimit } from "../../../src/support/time-limit";

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

it("ends what nobody answers, however busy the garbage collector is", async () => {
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
