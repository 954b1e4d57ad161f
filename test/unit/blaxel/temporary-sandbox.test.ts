import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TemporarySandbox } from "../../../src/blaxel/temporary-sandbox";
import { markText, thisProcess } from "../../../src/support/processes/alive";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { blaxelHost } from "../blaxel-host";
import { localServer } from "../local-server";

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
  let deleted: string[];
  let created: unknown[];
  let listed: "answered" | "never" | "refused";
  /** How a creation is answered, and how long after it was asked for, in ms. */
  let creating: "done" | "late" | "never" | "cut" | "no quota" | "page first";
  let deleting: "done" | "never";
  /** How much faster its clock runs. */
  let pace: number;
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

  const server = localServer((request, response) => {
    const { method = "", url = "" } = request;
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const answer = (status: number, value: unknown): void => {
        response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
      };
      if (method === "DELETE") {
        if (creating === "late") said.push("deleted");
        deleted.push(url.replace(/^.*\//u, ""));
        if (deleting === "done") answer(200, {});
      } else if (method === "POST") {
        created.push(JSON.parse(body));
        const done = (): void => {
          said.push("created");
          answer(200, sandbox("mine", undefined));
        };
        if (creating === "page first" && created.length === 1)
          response.writeHead(200, { "Content-Type": "text/html" }).end("<html>maintenance</html>");
        else if (creating === "done" || creating === "page first") answer(200, sandbox("mine", undefined));
        else if (creating === "late") setTimeout(done, 800);
        else if (creating === "cut") request.socket.destroy();
        else if (creating === "no quota") answer(403, { error: "quota of sandboxes exceeded" });
      } else if (listed === "answered")
        answer(200, {
          data: Object.entries(there).map(([name, mark]) => sandbox(name, mark)),
          meta: { nextCursor: "", hasMore: false },
        });
      else if (listed === "refused") answer(500, { error: "out of order" });
    });
  });

  beforeEach(async () => {
    [deleted, created, said, listed] = [[], [], [], "answered"];
    [creating, deleting, pace] = ["done", "done", 1];
    vi.resetModules();
    vi.stubEnv("BL_API_URL", server.url);
    const { removeLeftSandboxes } = await import("../../../src/blaxel/sandboxes");
    const { temporarySandbox } = await import("../../../src/blaxel/temporary-sandbox");
    make = (host) => {
      const wanted = { name: "mine", image: "sandbox/x:y", memoryMegabytes: 1, ttl: "1m" };
      return temporarySandbox(host, wanted, removeLeftSandboxes(host), 2_000);
    };
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const host = (signal?: AbortSignal): Host => ({
    ...blaxelHost(server.url, signal),
    clock: {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms / pace, signal),
    },
    emit: (event) => {
      if (event.type === "warning") said.push(event.message);
    },
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
    ["never", /could not be deleted: Blaxel did not respond within 10 s/u],
    ["refused", /could not be deleted: .*out of order/u],
  ] as const)("is deleted all the same where a list is %s given", async (how, words) => {
    [listed, pace] = [how, 20];
    await make(host()).remove();
    expect(deleted).toEqual(["mine"]);
    expect(said).toEqual([expect.stringMatching(words)]);
  });

  it("whose creation is answered late is given up, and deleted once it is there", async () => {
    [listed, creating, pace] = ["refused", "late", 5];
    const temporary = make(host());
    await expect(temporary.ready()).rejects.toMatchObject({ code: "SANDBOX_CREATE_TIMEOUT", kind: "deploy" });
    said = [];
    await temporary.remove();
    expect(said).toEqual(["created", "deleted"]);
  });

  it.each([
    ["never answered", "never"],
    ["cut off", "cut"],
  ] as const)("whose creation is %s is deleted all the same", async (_, how) => {
    [creating, pace] = [how, 20];
    const temporary = make(host());
    await expect(temporary.ready()).rejects.toThrow();
    await temporary.remove();
    expect(deleted).toContain("mine");
  });

  it("is asked for again after a page in place of JSON; without an address it has no answer", async () => {
    [creating, pace] = ["page first", 2];
    await expect(make(host()).ready()).rejects.toMatchObject({
      code: "SANDBOX_NO_ANSWER",
      message: expect.stringContaining("names no address") as string,
    });
    expect(created).toHaveLength(2);
  });

  it("that was refused is not there to be deleted", async () => {
    creating = "no quota";
    const temporary = make(host());
    await expect(temporary.ready()).rejects.toMatchObject({ code: "BLAXEL_QUOTA" });
    await temporary.remove();
    expect(deleted).not.toContain("mine");
  });

  it("that lacked a login was never there: nothing is said of its removal, nor of other runs'", async () => {
    const env = { BL_API_URL: server.url };
    const temporary = make({ ...host(), env });
    await expect(temporary.ready()).rejects.toMatchObject({ code: "NO_BLAXEL_CREDENTIALS" });
    await temporary.remove();
    expect(said).toEqual([]);
  });

  it("is deleted after Ctrl-C, whatever it was doing", async () => {
    [creating, pace] = ["late", 5];
    const run = new AbortController();
    const temporary = make(host(run.signal));
    const ready = temporary.ready();
    run.abort(new Error("Ctrl-C"));
    await expect(ready).rejects.toThrow("Ctrl-C");
    await temporary.remove();
    expect(deleted).toContain("mine");
  });

  it("that Blaxel does not delete in time is said so", async () => {
    [deleting, pace] = ["never", 20];
    await expect(make(host()).remove()).rejects.toMatchObject({
      code: "SANDBOX_NOT_DELETED",
      hint: expect.stringContaining("bl delete sandbox mine") as string,
    });
  });
});
