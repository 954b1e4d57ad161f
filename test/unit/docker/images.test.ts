import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Docker from "dockerode";
import { afterEach, expect, it } from "vitest";
import { imagesOf } from "../../../src/docker/images";

let engine: Server | undefined;

afterEach(() => {
  engine?.closeAllConnections();
  engine?.close();
});

/** The part of an engine that answers to a removal with a status, or not at all. */
async function engineThatSays(status: number | undefined): Promise<ReturnType<typeof imagesOf>> {
  const server = createServer((_, response) => {
    if (status !== undefined) response.writeHead(status).end("[]");
  });
  engine = server;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return imagesOf(new Docker({ protocol: "http", host: "127.0.0.1", port }), {}, 50);
}

it.each([
  [200, true],
  [404, false],
  [409, false],
])("an image's removal that is answered with %i is %s", async (status, is) => {
  expect(await (await engineThatSays(status)).removeImage("x:1")).toBe(is);
});

it("an engine that does not answer a removal is given up", async () => {
  await expect((await engineThatSays(undefined)).removeImage("x:1")).rejects.toMatchObject({
    kind: "environment",
    message: "The image x:1 could not be removed: no answer within 0.05 s",
  });
});
