import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { watchForSilence } from "../../../../src/docker/connection/watch";

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** A server that leaves /work open; `ping` says whether it answers others. */
async function engine(answersPings: () => boolean): Promise<string> {
  const made = createServer((request, response) => {
    if (request.url === "/work") response.write("begun");
    else if (answersPings()) response.end("OK");
  });
  server = made;
  await new Promise<void>((done) => made.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${String((made.address() as AddressInfo).port)}`;
}

function asked(url: string, agent: Agent, signal?: AbortSignal): Promise<string> {
  return new Promise((done, fail) => {
    const request = get(url, { agent, ...(signal === undefined ? {} : { signal }) }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      answer.on("error", fail);
      answer.on("end", () => {
        done(text);
      });
    });
    request.on("error", fail);
  });
}

describe("watching an engine", () => {
  const never = new AbortController().signal;
  const watchedAgent = (
    url: string,
    pings: string[],
    patience = 3,
    interrupted = never,
    everyMs = 30,
  ): Agent => {
    const agent = new Agent();
    watchForSilence(agent, {
      ping: async (signal) => {
        pings.push("asked");
        await asked(`${url}/_ping`, agent, signal);
        pings.push("answered");
      },
      interrupted,
      everyMs,
      patience,
    });
    return agent;
  };

  it("ends open requests when the engine stops responding", async () => {
    const url = await engine(() => false);
    const pings: string[] = [];
    await expect(asked(`${url}/work`, watchedAgent(url, pings))).rejects.toThrow(/aborted|has not answered/u);
    expect(pings).toEqual(["asked", "asked", "asked"]);
  });

  it("leaves alone what takes long while it answers, and what was only late", async () => {
    let turn = 0;
    // Two of three pings are lost: six in all before the third answer, but never six in a row, even if one answer is late.
    const url = await engine(() => (turn += 1) % 3 === 0);
    const pings: string[] = [];
    const over = new AbortController();
    // Far apart: on a busy machine answers within 30 ms are late too.
    const work = asked(`${url}/work`, watchedAgent(url, pings, 6, never, 100), over.signal);
    work.catch(() => undefined);
    while (pings.filter((what) => what === "answered").length < 3)
      await new Promise((later) => setTimeout(later, 10));
    over.abort(new Error("enough"));
    await expect(work).rejects.toMatchObject({ name: "AbortError" });
  });

  it("has no patience with it once the run is interrupted", async () => {
    const url = await engine(() => false);
    const pings: string[] = [];
    const agent = watchedAgent(url, pings, 1000, AbortSignal.abort());
    await expect(asked(`${url}/work`, agent)).rejects.toThrow(/aborted|has not answered/u);
    expect(pings.length).toBe(2);
  });

  it("asks nothing while nothing is open", async () => {
    const url = await engine(() => true);
    const pings: string[] = [];
    const agent = watchedAgent(url, pings);
    expect(await asked(`${url}/quick`, agent)).toBe("OK");
    await vi.waitFor(() => {
      expect(Object.keys(agent.sockets)).toEqual([]);
    });
    const before = pings.length;
    await new Promise((later) => setTimeout(later, 100));
    expect(pings.length).toBe(before);
  });
});
