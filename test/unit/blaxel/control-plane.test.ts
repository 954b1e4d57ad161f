import { expect, it } from "vitest";
import { checkCredentials } from "../../../src/blaxel/control-plane";
import { sandboxSubject } from "../../../src/deploy/sandbox-subject";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";
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
  const host = {
    env: { BL_API_URL: redirecting.url, BL_WORKSPACE: "w", BL_API_KEY: "k" },
    clock: systemClock,
    fetch: globalThis.fetch,
    redact: createRedactor({}),
    signal: new AbortController().signal,
  } as unknown as Host;
  const credentials = { workspace: "w", apiKey: "k", source: "BL_API_KEY" };
  expect(await checkCredentials(host, credentials)).toBe(false);
  const sandbox = { metadata: { url: redirecting.url } } as unknown as Parameters<typeof sandboxSubject>[1];
  expect((await (await sandboxSubject(host, sandbox)).request(8080, "/health")).status).toBe(302);
  expect(asked).toEqual([]);
});
