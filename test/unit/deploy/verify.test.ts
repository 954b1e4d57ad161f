import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ProvenTemplate } from "../../../src/render/rendered";
import type { Subject } from "../../../src/smoke/check";
import type { SmokeReport } from "../../../src/smoke/report";
import { Failure } from "../../../src/support/errors";
import { blaxelHost } from "../blaxel-host";
import { localServer } from "../local-server";

const rendered = {
  template: "alpine",
  mesaVersion: "0.20.0",
  settings: {
    image: { budgetMegabytes: 1 },
    sandbox: { name: "mesa-alpine", memoryMegabytes: 1, ports: [] },
  },
} as unknown as ProvenTemplate;
const deployment = {
  workspace: "w",
  sandbox: "mesa-alpine",
  image: "sandbox/mesa-alpine:a",
  deployedAt: "2026-01-01T00:00:00.000Z",
  blVersion: "0.1.108",
};
const FAILED = { failed: 1, passed: 0, skipped: 0, checks: [] } as unknown as SmokeReport;

describe("checks in a sandbox", () => {
  /** How the edge answers requests to the sandbox: the first, and those after it. */
  let [first, later]: [number, number | "never"] = [200, 200];
  let asked = 0;
  const server = localServer((request, response) => {
    const json = { "Content-Type": "application/json" };
    const { method, url = "" } = request;
    if (url.startsWith("/sbx")) {
      asked += 1;
      const status = asked === 1 ? first : later;
      if (status !== "never") response.writeHead(status, json).end("{}");
    } else if (method === "POST")
      response.writeHead(200, json).end(
        JSON.stringify({
          metadata: { name: "mine", url: `${server.url}/sbx` },
          spec: { runtime: {} },
          status: "DEPLOYED",
        }),
      );
    else response.writeHead(200, json).end("{}");
  });
  beforeEach(() => {
    asked = 0;
    vi.resetModules();
    vi.stubEnv("BL_API_URL", server.url);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const verified = async (
    prove: (subject: Subject) => Promise<SmokeReport>,
    signal?: AbortSignal,
  ): Promise<SmokeReport> => {
    const { verifyDeployment } = await import("../../../src/deploy/verify");
    return verifyDeployment(blaxelHost(server.url, signal), rendered, deployment, {
      prove,
      ports: [],
      removeLeftSandboxes: () => Promise.resolve(false),
      onProgress: () => undefined,
    });
  };

  it.each([
    [401, "BLAXEL_UNAUTHORIZED"],
    [403, "BLAXEL_FORBIDDEN"],
    [404, "BLAXEL_NOT_FOUND"],
    [429, "BLAXEL_GATEWAY"],
  ])("say nothing of the image once Blaxel answers %i for the sandbox", async (status, code) => {
    [first, later] = [200, status];
    await expect(verified(() => Promise.resolve(FAILED))).rejects.toMatchObject({ code });
    asked = 0;
    const cut = new Failure({ code: "SANDBOX_UNREACHABLE", kind: "deploy", message: "cut off" });
    await expect(verified(() => Promise.reject(cut))).rejects.toMatchObject({ code });
  });

  it.each([200, 502])("count where the sandbox answers %i: it is the image's own failure", async (status) => {
    [first, later] = [200, status];
    await expect(verified(() => Promise.resolve(FAILED))).resolves.toBe(FAILED);
  });

  it("end with Ctrl-C though the sandbox never answers a command", async () => {
    [first, later] = [200, "never"];
    const ctrlC = new AbortController();
    const run = verified(async (subject) => {
      setTimeout(() => {
        ctrlC.abort(new Error("Ctrl-C"));
      }, 100);
      await subject.run({ script: "true" });
      return FAILED;
    }, ctrlC.signal);
    await expect(run).rejects.toThrow("Ctrl-C");
  });
});
