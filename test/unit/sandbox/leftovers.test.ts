import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Host } from "../../../src/support/host";
import { blaxelHost } from "../blaxel-host";
import { localServer } from "../local-server";

describe("what runs left behind, where Blaxel does not list its sandboxes", () => {
  let answer: readonly [status: number, type: string, body: string];
  let leftOfRuns: (host: Host, only: undefined) => Promise<unknown>;

  const server = localServer((_, response) => {
    const [status, type, body] = answer;
    response.writeHead(status, { "Content-Type": type }).end(body);
  });
  beforeEach(async () => {
    vi.resetModules();
    vi.stubEnv("BL_API_URL", server.url);
    ({ leftOfRuns } = await import("../../../src/sandbox/leftovers"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([
    [401, "application/json", '{"code":401,"error":"Unauthorized"}', "BLAXEL_UNAUTHORIZED", "environment"],
    [403, "application/json", '{"code":403,"error":"Forbidden"}', "BLAXEL_FORBIDDEN", "environment"],
    [502, "text/html", "<html><h1>502 Bad Gateway</h1></html>", "BLAXEL_GATEWAY", "deploy"],
  ])("%i is a failure with its own words and the next step", async (status, type, body, code, kind) => {
    answer = [status, type, body];
    await expect(leftOfRuns(blaxelHost(server.url), undefined)).rejects.toMatchObject({
      code,
      kind,
      message: expect.stringMatching(/^Blaxel does not list its sandboxes: [^[<]+$/u) as string,
      hint: expect.any(String) as string,
    });
  });
});
