import { buffer } from "node:stream/consumers";
import { pack, type Header } from "tar-stream";
import { expect, it } from "vitest";
import { containersOf } from "../../../../src/docker/containers/containers";
import { dockerAt } from "../fixture/docker-at";
import { testHost } from "../../lock/fixture/test-host";
import type { ContainerRequest } from "../../../../src/docker/engine";

const PUBLISH = { bindTo: "127.0.0.1", reachedAt: "127.0.0.1" };

/** The address and the body with which a container is asked for. */
async function askedFor(apiVersion: string, request: ContainerRequest) {
  let url = "";
  let body = "";
  const { docker } = await dockerAt((asked, response) => {
    url = asked.url ?? "";
    asked.on("data", (chunk: Buffer) => (body += chunk.toString()));
    asked.on("end", () => response.writeHead(201).end('{"Id":"one"}'));
  });
  const id = await containersOf(testHost(), docker, PUBLISH, apiVersion).createContainer(request);
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

it("an engine's refusal to list its containers is the environment's failure", async () => {
  const { docker } = await dockerAt((_, response) =>
    response.writeHead(500).end('{"message":"no space left"}'),
  );
  await expect(containersOf(testHost(), docker, PUBLISH, "1.41").containers(["a"])).rejects.toMatchObject({
    code: "ENGINE_FAILED",
    kind: "environment",
    message: "The containers could not be listed: no space left",
  });
});

/** An engine's answer for a path: a tar of these entries. */
async function entryIn(...entries: readonly (Partial<Header> & { readonly name: string })[]) {
  const archive = pack();
  for (const header of entries)
    if (header.type === "file") archive.entry(header, "its bytes");
    else archive.entry(header);
  archive.finalize();
  const tar = await buffer(archive);
  const { docker } = await dockerAt((_, response) => response.writeHead(200).end(tar));
  return containersOf(testHost(), docker, PUBLISH, "1.41").entry("one", "/some/path");
}

it.each<[Partial<Header>, object]>([
  [
    { type: "file", mode: 0o104755 },
    { mode: 0o4755, bytes: Buffer.from("its bytes") },
  ],
  [
    { type: "directory", mode: 0o41777 },
    { mode: 0o1777, bytes: Buffer.alloc(0) },
  ],
  [{ type: "symlink", mode: 0o777, linkname: "/elsewhere" }, { mode: 0o777 }],
  [{ type: "character-device", mode: 0o20666 }, { mode: 0o666 }],
])("what is at a path of a container is told as its tar begins: %j", async (header, expected) => {
  const found = await entryIn({ ...header, name: "path" }, { type: "file", name: "path/below" });
  expect(found).toMatchObject({ type: header.type, ...expected });
});

it("nothing is at a path that the engine does not find", async () => {
  const { docker } = await dockerAt((_, response) => response.writeHead(404).end("{}"));
  expect(await containersOf(testHost(), docker, PUBLISH, "1.41").entry("one", "/none")).toBeUndefined();
});
