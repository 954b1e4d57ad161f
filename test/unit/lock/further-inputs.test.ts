import { createHash } from "node:crypto";
import type { PrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { compareInputs } from "../../../src/compare/compare";
import { changedDownloads, checkLock, movedTags, outdatedInputs, sameInputs } from "../../../src/lock/index";
import type { Lock } from "../../../src/lock/lock";
import type { TemplateSettings } from "../../../src/render/rendered";
import { parseSettings } from "../../../src/render/settings";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { makeKey, NOW } from "./fixture/signed-repository";
import { testHost, type TestHost } from "./fixture/test-host";
import { upstreamWorld, type UpstreamWorld } from "./fixture/upstream-world";

const TOOL = "registry.example.com/@acme/tool/-/tool-1.2.0.tgz";
const INTEGRITY = `sha512-${createHash("sha512").update("the tool").digest("base64")}`;

let key: PrivateKey;
let world: UpstreamWorld;
let host: TestHost;

beforeAll(async () => {
  key = await makeKey();
});
beforeEach(async () => {
  world = await upstreamWorld(key);
  host = testHost({ now: NOW });
  world.registry.images.set("docker.io/library/node:22-bookworm-slim", { created: "2026-04-01T00:00:00Z" });
  world.downloads.set(TOOL, "the tool");
});
afterEach(() => world.close());

function settings(tool = `integrity = "${INTEGRITY}"`, version = "1.2.0"): TemplateSettings {
  const toml = `install = "apt"
[base]
image = "debian:bookworm-slim"
[images.node]
image = "node:22-bookworm-slim"
[downloads.tool]
url = "https://registry.example.com/@acme/tool/-/tool-{version}.tgz"
version = "${version}"
${tool}
[sandbox]
`;
  return parseSettings(toml, "template.toml", "debian");
}
const locked = (given = settings(), previous?: Lock): Promise<Lock> =>
  world.lock({
    host,
    mesaVersion: "0.46.0",
    settings: given,
    ...(previous === undefined ? {} : { previous }),
  });
const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "locked",
    (error: unknown) => (error as { code: string }).code,
  );

describe("further inputs of a template", () => {
  it("are locked by digest and hash under their canonical names", async () => {
    const lock = await locked();
    expect(lock.images?.["node"]).toMatchObject({
      repository: "docker.io/library/node",
      tag: "22-bookworm-slim",
      digest: expect.stringMatching(/^sha256:/u) as string,
    });
    expect(lock.downloads?.["tool"]).toEqual({
      url: `https://${TOOL}`,
      version: "1.2.0",
      size: 8,
      sha256: createHash("sha256").update("the tool").digest("hex"),
      vouched: { by: "publisher", hash: expect.stringMatching(/^sha512:[0-9a-f]{128}$/u) as string },
    });
    expect(JSON.stringify(lock)).not.toContain("127.0.0.1");
    expect(host.events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  it("are refused when a download is not what its publisher says, or is not there", async () => {
    world.downloads.set(TOOL, "another tool");
    expect(await code(locked())).toBe("DOWNLOAD_HASH_DIFFERS");
    world.downloads.delete(TOOL);
    expect(await code(locked())).toBe("DOWNLOAD_MISSING");
  });

  it("compare a download without a publisher's hash with its first download", async () => {
    const first = await locked(settings(""));
    expect(first.downloads?.["tool"]?.vouched.by).toBe("first-download");
    expect(JSON.stringify(host.events)).toContain("has no published hash");
    expect(await locked(settings(""), first)).toBe(first);
    world.downloads.set(TOOL, "another tool");
    expect(await code(locked(settings(""), first))).toBe("DOWNLOAD_CHANGED");
  });

  it("make another lock when they change", async () => {
    const before = await locked();
    world.downloads.set(TOOL.replace("1.2.0", "1.3.0"), "the next tool");
    const after = await locked(settings("", "1.3.0"));
    expect(sameInputs(before, after)).toBe(false);
    expect(sameInputs(before, await locked())).toBe(true);
    const { inputs } = compareInputs(
      { id: "a", lock: before, rendered: {} },
      { id: "b", lock: after, rendered: {} },
    );
    expect(inputs.map(({ name }) => name)).toEqual(["downloads.tool"]);
  });

  it("are held against template.toml by lock --check, in both directions", async () => {
    const lock = await locked();
    const upstream = await world.upstream();
    const check = (given: TemplateSettings): readonly string[] =>
      checkLock(canonicalJson(lock), {
        template: "debian",
        mesaVersion: "0.46.0",
        settings: given,
        upstream,
        path: "lock.json",
      }).map(({ problem, message }) => `${problem}: ${message}`);
    expect(check(settings())).toEqual([]);
    expect(check(settings(`integrity = "${INTEGRITY}"`, "1.3.0")).join()).toMatch(
      /download: downloads\.tool is .*tool-1\.2\.0\.tgz.*should be .*tool-1\.3\.0\.tgz/u,
    );
    expect(check(settings("")).join()).toMatch(/downloads\.tool is .*sha512:/u);
    expect(check({ ...settings(), images: {} }).join()).toMatch(/images\.node.*should be not in the lock/u);
    expect(check({ ...settings(), images: { ...settings().images, go: { image: "go:1" } } }).join()).toMatch(
      /images\.go is not in the lock/u,
    );
  });

  it("are reported by outdated and drift when their bytes have changed", async () => {
    const lock = await locked();
    const sources = await world.sources(host);
    const outdated = () => outdatedInputs(sources, lock, false);
    world.downloads.set("registry.example.com/@acme/tool/latest", '{"version":"1.2.0"}');
    expect(await outdated()).toEqual([]);
    expect(await movedTags(sources, lock)).toEqual([]);
    expect(await changedDownloads(sources, lock)).toEqual([]);
    world.downloads.set("registry.example.com/@acme/tool/latest", '{"version":"1.3.0"}');
    world.downloads.set(TOOL, "replaced");
    world.registry.images.set("docker.io/library/node:22-bookworm-slim", { created: "2026-05-01T00:00:00Z" });
    expect((await outdated()).map(({ input, newest }) => [input, newest.value])).toEqual([
      ["images.node", expect.stringMatching(/^sha256:/u)],
      ["downloads.tool", "1.3.0"],
    ]);
    expect(await movedTags(sources, lock)).toHaveLength(1);
    expect((await changedDownloads(sources, lock)).join()).toContain("locked is");
  });
});
