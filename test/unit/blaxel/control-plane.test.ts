import { expect, it } from "vitest";
import { checkCredentials } from "../../../src/blaxel/control-plane";
import { sandboxSubject } from "../../../src/deploy/sandbox-subject";
import { runAndFollow } from "../../../src/sandbox/commands/follow";
import { blaxelHost } from "../blaxel-host";
import { localServer } from "../local-server";

const asked: string[] = [];
const elsewhere = localServer((request, response) => {
  asked.push(request.url ?? "");
  response.end("{}");
});
const redirecting = localServer((_request, response) => {
  response.writeHead(302, { Location: `${elsewhere.url}/stolen` }).end();
});

it("the key goes to no host that a redirect names", async () => {
  const host = blaxelHost(redirecting.url);
  const credentials = { workspace: "w", apiKey: "k", source: "BL_API_KEY" };
  expect(await checkCredentials(host, credentials)).toBe(false);
  const sandbox = {
    metadata: { url: redirecting.url },
    process: {
      exec: () => Promise.resolve({ pid: "1" }),
      get: () => Promise.resolve({ status: "completed", exitCode: 0 }),
    },
    fs: { rm: () => Promise.resolve() },
  } as unknown as Parameters<typeof sandboxSubject>[1];
  expect((await (await sandboxSubject(host, sandbox)).request(8080, "/health")).status).toBe(302);
  const clock = { now: () => 0, sleep: () => Promise.reject(new Error("asked once")) };
  const command = { argv: ["true"], cwd: "/", env: {}, onOutput: () => undefined };
  await expect(runAndFollow({ ...host, clock }, sandbox, command)).rejects.toThrow("asked once");
  expect(asked).toEqual([]);
});
