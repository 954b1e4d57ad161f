import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TemporarySandbox } from "../../../src/blaxel/temporary-sandbox";
import { markText, thisProcess } from "../../../src/support/alive";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";

const own = thisProcess();
/** A number that a process had, which ended. */
const ended = spawnSync("true").pid;
const there = {
  "run-of-a-dead-process": markText({ ...own, pid: ended }),
  "run-of-another-process-with-this-number": markText({ ...own, started: "1" }),
  "run-that-lives": markText(own),
  "run-of-another-machine": markText({ ...own, pid: ended, space: "0".repeat(12) }),
  "kept-one": undefined,
};

describe("a temporary sandbox", () => {
  let server: Server;
  let deleted: string[];
  let created: unknown[];
  let listed: "answered" | "never" | "refused";
  let said: string[];
  let make: (host: Host) => TemporarySandbox;
  const sandbox = (name: string, mark: string | undefined): object => ({
    metadata: {
      name,
      labels: { "mesa-template.sandbox": "run", ...(mark && { "mesa-template.process": mark }) },
    },
    spec: { runtime: {} },
    status: "DEPLOYED",
  });

  beforeEach(async () => {
    [deleted, created, said, listed] = [[], [], [], "answered"];
    server = createServer((request, response) => {
      const { method = "", url = "" } = request;
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const answer = (status: number, value: unknown): void => {
          response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
        };
        if (method === "DELETE") {
          deleted.push(url.replace(/^.*\//u, ""));
          answer(200, {});
        } else if (method === "POST") {
          created.push(JSON.parse(body));
          answer(200, sandbox("mine", undefined));
        } else if (listed === "answered")
          answer(200, {
            data: Object.entries(there).map(([name, mark]) => sandbox(name, mark)),
            meta: { nextCursor: "", hasMore: false },
          });
        else if (listed === "refused") answer(500, { error: "out of order" });
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    vi.resetModules();
    vi.stubEnv("BL_API_URL", address);
    const { temporarySandbox } = await import("../../../src/blaxel/temporary-sandbox");
    make = (host) =>
      temporarySandbox(
        { ...host, env: { BL_API_URL: address, BL_WORKSPACE: "w", BL_API_KEY: "k" } },
        { name: "mine", image: "sandbox/x:y", memoryMegabytes: 1, ttl: "1m" },
        { createMs: 5_000, answerMs: 1 },
      );
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });

  const host = (): Host => ({
    env: {},
    clock: {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(listed === "never" ? ms / 20 : ms, signal),
    },
    fetch: globalThis.fetch,
    run: () => Promise.reject(new Error("not here")),
    emit: (event) => {
      if (event.type === "warning") said.push(event.message);
    },
    redact: createRedactor({}),
    signal: new AbortController().signal,
    runId: "0123456789ab",
  });

  it("carries its process's mark, and takes along those of dead processes of this machine alone", async () => {
    await make(host()).remove();
    expect(created).toMatchObject([{ metadata: { labels: { "mesa-template.process": markText(own) } } }]);
    expect(deleted.sort()).toEqual([
      "mine",
      "run-of-a-dead-process",
      "run-of-another-process-with-this-number",
    ]);
    expect(said).toEqual([]);
  });

  it.each([
    ["never", /could not be deleted: Blaxel did not answer within 10 s/u],
    ["refused", /could not be deleted: .*out of order/u],
  ] as const)("is deleted all the same where a list is %s given", async (how, words) => {
    listed = how;
    await make(host()).remove();
    expect(deleted).toEqual(["mine"]);
    expect(said).toEqual([expect.stringMatching(words)]);
  });
});
