import { createServer, type RequestListener, type Server } from "node:http";
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
function engineThatSays(status?: number, limitMs?: number): Promise<ReturnType<typeof imagesOf>> {
  return engineWith((_, response) => {
    if (status !== undefined) response.writeHead(status).end("[]");
  }, limitMs);
}

async function engineWith(answer: RequestListener, limitMs = 10_000): Promise<ReturnType<typeof imagesOf>> {
  const server = createServer(answer);
  engine = server;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return imagesOf(new Docker({ protocol: "http", host: "127.0.0.1", port }), {}, limitMs);
}

it.each([
  [200, true],
  [404, false],
  [409, false],
])("an image's removal that is answered with %i is %s", async (status, is) => {
  expect(await (await engineThatSays(status)).removeImage("x:1")).toBe(is);
});

it("an engine that does not answer a removal is given up", async () => {
  await expect((await engineThatSays(undefined, 50)).removeImage("x:1")).rejects.toMatchObject({
    kind: "environment",
    message: "The image x:1 could not be removed: no answer within 0.05 s",
  });
});

it.each([
  ["an error in its stream", '{"status":"Preparing"}\n{"error":"denied: quota"}\n', "denied: quota"],
  ["a stream that ends with half a message", '{"status":"Pushing"}\n{"sta', "not a message"],
])("a push that breaks off with %s is no push, and leaves no name behind", async (_, stream, words) => {
  const asked: string[] = [];
  const images = await engineWith((request, response) => {
    const path = decodeURIComponent((request.url ?? "").replace(/\?.*$/u, ""));
    asked.push(`${request.method ?? ""} ${path}`);
    if (path.endsWith("/json")) response.writeHead(404).end('{"message":"no such image"}');
    else if (path.endsWith("/push")) response.end(stream);
    else response.writeHead(path.endsWith("/tag") ? 201 : 200).end("[]");
  });
  const push = images.push({
    ...{ image: "sha256:aa", repository: "registry.example/boxes/x", tag: "1", login: undefined },
    ...{ signal: new AbortController().signal, onProgress: () => undefined },
  });
  await expect(push).rejects.toMatchObject({ code: "PUSH_FAILED", kind: "deploy" });
  await expect(push).rejects.toThrow(words);
  expect(asked.at(-1)).toBe("DELETE /images/registry.example/boxes/x:1");
});
