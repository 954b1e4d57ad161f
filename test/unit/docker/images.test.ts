import type { RequestListener, ServerResponse } from "node:http";
import { expect, it } from "vitest";
import { imagesOf } from "../../../src/docker/images";
import { testHost } from "../lock/fixture/test-host";
import { dockerAt } from "./fixture/docker-at";

/** The part of an engine that answers to a removal with a status, or not at all. */
function engineThatSays(
  status: number | undefined,
  removalMs?: number,
): Promise<ReturnType<typeof imagesOf>> {
  const answer: RequestListener = (_, response) => {
    if (status !== undefined) response.writeHead(status).end("[]");
  };
  return engineWith(answer, undefined, removalMs);
}

async function engineWith(
  answer: RequestListener,
  apiVersion = "1.41",
  removalMs = 60_000,
): Promise<ReturnType<typeof imagesOf>> {
  return imagesOf(testHost(), (await dockerAt(answer)).docker, apiVersion, removalMs);
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

const REFUSED = { code: "PUSH_FAILED", kind: "deploy" };
const GONE = { code: "ENGINE_GONE", kind: "environment" };

it.each<[string, object, string, (response: ServerResponse) => void]>([
  [
    "an error in its stream",
    REFUSED,
    "denied: quota",
    (response) => response.end('{"status":"Preparing"}\n{"error":"denied: quota"}\n'),
  ],
  ["half a message", GONE, "not a message", (response) => response.end('{"status":"Pushing"}\n{"sta')],
  [
    "a connection that is cut",
    GONE,
    "the connection to the engine broke",
    (response) => response.write('{"status":"Pushing"}\n', () => response.destroy()),
  ],
])("a push that breaks off with %s is no push, and leaves no name behind", async (_, failure, words, end) => {
  const asked: string[] = [];
  const images = await engineWith((request, response) => {
    const path = decodeURIComponent((request.url ?? "").replace(/\?.*$/u, ""));
    asked.push(`${request.method ?? ""} ${path}`);
    if (path.endsWith("/json")) response.writeHead(404).end('{"message":"no such image"}');
    else if (path.endsWith("/push")) end(response);
    else response.writeHead(path.endsWith("/tag") ? 201 : 200).end("[]");
  });
  const push = images.push({
    image: "sha256:aa",
    repository: "registry.example/boxes/x",
    tag: "1",
    login: undefined,
  });
  await expect(push).rejects.toMatchObject(failure);
  await expect(push).rejects.toThrow(words);
  expect(asked.at(-1)).toBe("DELETE /images/registry.example/boxes/x:1");
});

it("a push that fails because the engine was ended is the environment's failure", async () => {
  let isPushed = false;
  const images = await engineWith((request, response) => {
    if (isPushed) request.socket.destroy();
    else if (request.url?.includes("/push") === true) {
      isPushed = true;
      response.end('{"error":"context canceled"}\n');
    } else response.writeHead(request.url?.includes("/tag") === true ? 201 : 404).end("{}");
  });
  const push = images.push({
    image: "sha256:aa",
    repository: "registry.example/boxes/x",
    tag: "1",
    login: undefined,
  });
  await expect(push).rejects.toMatchObject(GONE);
});

/** As Docker 29 with the containerd image store answers on an arm64 machine: its own platform, unless another is asked for. */
const multiPlatform: RequestListener = (request, response) => {
  const url = new URL(request.url ?? "", "http://engine");
  const { architecture = "arm64" } = JSON.parse(url.searchParams.get("platform") ?? "{}") as {
    readonly architecture?: string;
  };
  response.end(
    JSON.stringify({
      Id: "sha256:index",
      RepoTags: ["x:1"],
      Created: "2026-01-01T00:00:00Z",
      Architecture: architecture,
      Config: { User: architecture },
      RootFS: { Layers: [] },
    }),
  );
};

it.each([
  ["1.41", "arm64"],
  ["1.48", "arm64"],
  ["1.49", "amd64"],
  ["1.53", "amd64"],
])("with API %s an image of several platforms is looked at for %s", async (api, of) => {
  const images = await engineWith(multiPlatform, api);
  expect(await images.image("x:1")).toMatchObject({ architecture: of, config: { user: of } });
});

it("an image without our platform does not exist", async () => {
  const images = await engineWith((request, response) => {
    response.writeHead(request.url?.includes("platform=") === true ? 404 : 200).end('{"message":"no such"}');
  }, "1.49");
  expect(await images.image("x:1")).toBeUndefined();
});

it.each([
  ["1.47", ""],
  ["1.48", '{"os":"linux","architecture":"amd64"}'],
])("with API %s an image is saved for the platform %j", async (api, platform) => {
  const asked: string[] = [];
  const images = await engineWith((request, response) => {
    asked.push(request.url ?? "");
    response.end("a tar");
  }, api);
  const saved = await images.saveImage("reg:5000/a/x@sha256:aa");
  expect(Buffer.concat(await saved.toArray()).toString()).toBe("a tar");
  const query = platform === "" ? "" : `?platform=${encodeURIComponent(platform)}`;
  expect(asked).toEqual([`/images/reg:5000/a/x@sha256:aa/get${query}`]);
});

it.each<[string, (images: ReturnType<typeof imagesOf>) => Promise<unknown>, string]>([
  ["a list", (images) => images.images(["a"]), "The images could not be listed"],
  ["a second name", (images) => images.tag("x:1", "x", "2"), "The image x:1 could not be tagged"],
])(
  "%s that the engine refuses, or that it leaves unanswered, is the environment's failure",
  async (_, ask, what) => {
    const refusing = await engineWith((__, response) =>
      response.writeHead(500).end('{"message":"no space left"}'),
    );
    await expect(ask(refusing)).rejects.toMatchObject({
      code: "ENGINE_FAILED",
      kind: "environment",
      message: `${what}: no space left`,
    });
    const lost = await engineWith((request) => request.socket.destroy());
    await expect(ask(lost)).rejects.toMatchObject(GONE);
  },
);
