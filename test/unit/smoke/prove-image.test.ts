import { join } from "node:path";
import { expect, it } from "vitest";
import { onAnyPlatform, proveImage } from "../../../src/smoke/prove-image";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { withTemporaryFolder } from "../../../src/support/files/files";
import { fakeEngine } from "../docker/fixture/fake-engine";
import { serverUntilEnd } from "../local-server";
import { testHost } from "../lock/fixture/test-host";

it.each([
  ["arm64", " It has one for arm64."],
  [undefined, ""],
])("an image that the engine has for %s is refused", async (architecture, more) => {
  await withTemporaryFolder("engine", async (folder) => {
    const socket = join(folder, "e.sock");
    const connects = fakeEngine({ component: "Engine", buildKit: true, asked: [] });
    const image = { Id: "sha256:aa", RepoTags: [], Created: "", Architecture: architecture, Config: {} };
    await serverUntilEnd((request, response) => {
      if (architecture !== undefined && request.url === "/images/foreign:1/json")
        response.end(JSON.stringify(image));
      else connects(request, response);
    }, socket);
    const host = testHost({ env: { DOCKER_HOST: `unix://${socket}` } });
    await expect(
      proveImage(host, () => connectEngine(host), "foreign:1", { structureTests: [], checks: [] }),
    ).rejects.toMatchObject({
      code: "NO_SUCH_IMAGE",
      kind: "usage",
      message: `The engine has no linux/amd64 image foreign:1.${more}`,
    });
  });
});

it("an image that names no platform gets its containers without one", async () => {
  const asked: unknown[] = [];
  const asks = (request: unknown): Promise<never> => {
    asked.push(request);
    return Promise.reject(new Error("enough"));
  };
  const engine = onAnyPlatform({ createContainer: asks, runToEnd: asks } as unknown as Engine);
  await expect(engine.createContainer({ image: "a:1" })).rejects.toThrow("enough");
  await expect(engine.runToEnd({ image: "a:1", cmd: ["x"] }, 1)).rejects.toThrow();
  expect(asked).toEqual([
    { image: "a:1", anyPlatform: true },
    { image: "a:1", cmd: ["x"], anyPlatform: true },
  ]);
});
