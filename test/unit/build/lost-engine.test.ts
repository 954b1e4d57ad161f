import { writeFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildImage } from "../../../src/build/build-image";
import type { Engine } from "../../../src/docker/index";
import { imagesOf } from "../../../src/docker/images";
import type { RenderedTemplate } from "../../../src/render/rendered";
import { withTemporaryFolder } from "../../../src/support/files/files";
import { dockerAt } from "../docker/fixture/docker-at";
import { testHost } from "../lock/fixture/test-host";

const image = { repository: "registry.example/base", tag: "1", digest: `sha256:${"b".repeat(64)}` };
const rendered = {
  template: "debian",
  mesaVersion: "0.20.0",
  inputsDigest: `sha256:${"a".repeat(64)}`,
  lock: { base: image, sandboxApi: image },
  files: [{ name: "Dockerfile", mode: 0o644, contents: Buffer.from("FROM scratch\n") }],
} as unknown as RenderedTemplate;

type Answer = (request: IncomingMessage, response: ServerResponse, server: Server) => void;

/** An engine that has the base image, and does with a build what is given. */
async function building(build: Answer, host = testHost()): Promise<unknown> {
  const { docker, server } = await dockerAt((request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/build")) {
      request.resume();
      build(request, response, server);
    } else if (path.includes("registry.example/base"))
      response.end('{"Id":"sha256:bb","RepoTags":[],"RootFS":{"Layers":[]}}');
    else response.writeHead(404).end('{"message":"no such image"}');
  });
  const engine = {
    facts: { name: "Docker Engine", version: "9.9", buildKit: false, address: "unix:///engine.sock" },
    ...imagesOf(host, docker, "1.41"),
  } as unknown as Engine;
  return buildImage(host, engine, rendered, { mirrors: {} }).catch((error: unknown) => error);
}

const STEP = '{"stream":"Step 1/1 : RUN make"}\n';

it.each<[string, Answer]>([
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
    (_, response, server) => {
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

const PROXY = "http://ci:proxy-secret@proxy:3128";
it.each([
  [
    "its default ones",
    { default: { httpProxy: PROXY, noProxy: "10.0.0.0/8" } },
    { HTTP_PROXY: PROXY, http_proxy: PROXY, NO_PROXY: "10.0.0.0/8", no_proxy: "10.0.0.0/8" },
  ],
  [
    "those of the engine",
    { "unix:///engine.sock": { httpsProxy: PROXY }, default: { httpProxy: "http://other:3128" } },
    { HTTPS_PROXY: PROXY, https_proxy: PROXY },
  ],
])(
  "a build gets the proxies of Docker's config.json, as from the docker command: %s",
  async (_, proxies, own) => {
    await withTemporaryFolder("proxies", async (folder) => {
      writeFileSync(join(folder, "config.json"), JSON.stringify({ proxies }));
      const host = testHost({ env: { DOCKER_CONFIG: folder } });
      let asked = "";
      await building((request, response) => {
        asked = new URL(request.url ?? "", "http://engine").searchParams.get("buildargs") ?? "";
        response.end(`${STEP}{"error":"exit code: 2"}\n`);
      }, host);
      expect(JSON.parse(asked)).toEqual({ MIRROR: "", DEB_MIRROR: "", ...own });
      expect(host.redact(asked)).not.toContain("proxy-secret");
    });
  },
);
