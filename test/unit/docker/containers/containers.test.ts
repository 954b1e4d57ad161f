import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Docker from "dockerode";
import { expect, it } from "vitest";
import { containersOf } from "../../../../src/docker/containers/containers";
import { testHost } from "../../lock/fixture/test-host";
import type { ContainerRequest } from "../../../../src/docker/engine";

/** The address and the body with which a container is asked for. */
async function askedFor(apiVersion: string, request: ContainerRequest) {
  let url = "";
  let body = "";
  const server = createServer((asked, response) => {
    url = asked.url ?? "";
    asked.on("data", (chunk: Buffer) => (body += chunk.toString()));
    asked.on("end", () => response.writeHead(201).end('{"Id":"one"}'));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const docker = new Docker({ protocol: "http", host: "127.0.0.1", port });
  const publish = { bindTo: "127.0.0.1", reachedAt: "127.0.0.1" };
  const id = await containersOf(testHost(), docker, publish, apiVersion).createContainer(request);
  server.close();
  expect(id).toBe("one");
  return { url, body: JSON.parse(body) as { readonly Env: unknown } };
}

it.each<[string, Partial<ContainerRequest>, string]>([
  ["1.40", {}, ""],
  ["1.41", {}, "platform=linux%2Famd64"],
  ["1.53", {}, "platform=linux%2Famd64"],
  ["1.53", { anyPlatform: true }, ""],
])("with API %s a container %j is asked for with %j", async (api, more, query) => {
  const asked = await askedFor(api, { image: "x:1", env: ["KEY=of-somebody"], ...more });
  expect(asked.url).toBe(`/containers/create?${query}`);
  expect(asked.body).toMatchObject({
    Image: "x:1",
    Env: ["KEY=of-somebody"],
    Labels: { "mesa-template.run": "test" },
  });
});
