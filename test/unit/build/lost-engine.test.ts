import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Docker from "dockerode";
import { afterEach, expect, it } from "vitest";
import { buildImage } from "../../../src/build/build-image";
import type { Engine } from "../../../src/docker/index";
import { imagesOf } from "../../../src/docker/images";
import type { RenderedTemplate } from "../../../src/render/rendered";
import { testHost } from "../lock/fixture/test-host";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const image = { repository: "registry.example/base", tag: "1", digest: `sha256:${"b".repeat(64)}` };
const rendered = {
  ...{ template: "debian", mesaVersion: "0.20.0", inputsDigest: `sha256:${"a".repeat(64)}` },
  lock: { base: image, sandboxApi: image },
  files: [{ name: "Dockerfile", mode: 0o644, contents: Buffer.from("FROM scratch\n") }],
} as unknown as RenderedTemplate;

/** An engine that has the base image, and does with a build what is given. */
async function building(build: RequestListener): Promise<unknown> {
  server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/build")) {
      request.resume();
      build(request, response);
    } else if (path.includes("registry.example/base"))
      response.end('{"Id":"sha256:bb","RepoTags":[],"RootFS":{"Layers":[]}}');
    else response.writeHead(404).end('{"message":"no such image"}');
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const engine = {
    facts: { name: "Docker Engine", version: "9.9", buildKit: false },
    ...imagesOf(testHost(), new Docker({ protocol: "http", host: "127.0.0.1", port }), "1.41"),
  } as unknown as Engine;
  return buildImage(testHost(), engine, rendered, { mirrors: {} }).catch((error: unknown) => error);
}

const STEP = '{"stream":"Step 1/1 : RUN make"}\n';

it.each<[string, RequestListener]>([
  [
    "cuts the connection",
    (_, response) => {
      response.write(STEP, () => response.destroy());
    },
  ],
  [
    "cuts it before it answers",
    (request) => {
      request.socket.destroy();
    },
  ],
  [
    "sends half a message",
    (_, response) => {
      response.end(`${STEP}{"stre`);
    },
  ],
  [
    "ends without an image",
    (_, response) => {
      response.end(STEP);
    },
  ],
  [
    "fails its builds and is gone",
    (_, response) => {
      response.end(`${STEP}{"error":"context canceled"}\n`);
      server.close();
    },
  ],
])("an engine that %s during a build is the environment's, not the template's", async (_, build) => {
  expect(await building(build)).toMatchObject({ code: "ENGINE_GONE", kind: "environment" });
});

it("a step that fails is the template's", async () => {
  const error = await building((_, response) => {
    response.end(`${STEP}{"error":"exit code: 2"}\n`);
  });
  expect(error).toMatchObject({ code: "BUILD_FAILED", kind: "build" });
});
