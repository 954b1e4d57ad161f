import type { PrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { availableVersions } from "../../../src/lock/mesa-packages";
import { newestVersion, outdatedInputs, type OutdatedInput } from "../../../src/lock/outdated";
import type { Lock } from "../../../src/lock/lock";
import { changedDeb } from "../../../src/lock/moved-inputs";
import { digestsOf } from "./fixture/image-registry";
import { makeKey, NOW } from "./fixture/signed-repository";
import { testHost, type TestHost } from "./fixture/test-host";
import { DEBS, upstreamWorld, type UpstreamWorld } from "./fixture/upstream-world";

let key: PrivateKey;
let world: UpstreamWorld;
let host: TestHost;

beforeAll(async () => {
  key = await makeKey();
});
beforeEach(async () => {
  world = await upstreamWorld(key);
  host = testHost({ now: NOW });
});
afterEach(() => world.close());

const outdated = async (lock: Lock, prerelease = false): Promise<readonly OutdatedInput[]> =>
  outdatedInputs(await world.sources(host), lock, prerelease);

/** A lock with a download from an npm registry. */
async function withClaude(): Promise<Lock> {
  const url = "https://registry.npmjs.org/claude/-/claude-1.0.0.tgz";
  const vouched = { by: "first-download", downloadedAt: "2026-01-01T00:00:00.000Z" } as const;
  const claude = { url, version: "1.0.0", size: 1, sha256: "a".repeat(64), vouched };
  return { ...(await world.lock({ mesaVersion: "0.46.0" })), downloads: { claude } };
}

describe("the newest version", () => {
  it.each([
    [["0.9.0", "0.20.0", "0.15.0"], false, "0.20.0"],
    [["0.20.0", "0.21.0-alpha.1"], false, "0.20.0"],
    [["0.20.0", "0.21.0-alpha.1"], true, "0.21.0-alpha.1"],
    [["latest", "0.2", "v0.3.0", "nightly-1"], true, undefined],
  ])("of %j", (versions, prerelease, newest) => {
    expect(newestVersion(versions, prerelease)).toBe(newest);
  });
});

describe("what is outdated", () => {
  it("is nothing for the newest of everything", async () => {
    expect(await outdated(await world.lock({ mesaVersion: "0.46.0" }))).toEqual([]);
  });

  it("is Mesa, with the dates the repository says, prereleases only when asked for", async () => {
    world.modified.set("pool/any/main/m/mesa/mesa_0.20.0_amd64.deb", "Thu, 09 Apr 2026 10:00:00 GMT");
    const lock = await world.lock();
    expect(await outdated(lock)).toEqual([
      {
        template: "debian",
        mesaVersion: "0.20.0",
        input: "mesa",
        name: "mesa",
        current: { value: "0.20.0", date: "2026-04-09T10:00:00.000Z" },
        newest: { value: "0.46.0", date: null },
      },
    ]);
    expect((await outdated(lock, true)).map(({ newest }) => newest.value)).toEqual(["0.47.0-rc.1"]);
  });

  it("is Mesa with the date of its newest package, where one version has several", async () => {
    await world.publish({ debs: [...DEBS, { version: "0.46.0-2", depends: "fuse3" }] });
    world.modified.set("pool/any/main/m/mesa/mesa_0.46.0-2_amd64.deb", "Thu, 09 Apr 2026 10:00:00 GMT");
    const [mesa] = await outdated(await world.lock());
    expect(mesa?.newest).toEqual({ value: "0.46.0", date: "2026-04-09T10:00:00.000Z" });
  });

  it("is Mesa that needs another credential: that comes first", async () => {
    await world.publish({ debs: [...DEBS, { version: "0.49.1", depends: "fuse3" }] });
    const [mesa] = await outdated(await world.lock({ mesaVersion: "0.46.0" }));
    expect(mesa?.newest.value).toBe("0.49.1");
    expect(mesa?.needsFirst).toMatch(/0\.49\.1 accepts no API keys.*MESA_PRIVATE_KEY/u);
  });

  it("is the base image, once its tag points at another one, and sandbox-api by version", async () => {
    const lock = await world.lock({ mesaVersion: "0.46.0" });
    const newer = { created: "2026-05-05T00:00:00Z" };
    world.registry.images.set("docker.io/library/debian:bookworm-slim", newer);
    for (const tag of ["0.2.49", "0.2.51", "0.10.0", "0.11.0-rc.1", "latest"])
      world.registry.images.set(`ghcr.io/blaxel-ai/sandbox:${tag}`, { created: "2026-06-06T00:00:00Z" });
    expect(await outdated(lock)).toMatchObject([
      {
        input: "base",
        name: "docker.io/library/debian:bookworm-slim",
        current: { value: lock.base.digest, date: "2026-04-07T00:00:00.000Z" },
        newest: { value: digestsOf(newer).top, date: "2026-05-05T00:00:00.000Z" },
      },
      {
        input: "sandbox-api",
        current: { value: "0.2.50" },
        newest: { value: "0.10.0", date: "2026-06-06T00:00:00.000Z" },
      },
    ]);
  });

  it("says that Mesa's versions are unknown without a list", async () => {
    const lock = await world.lock();
    world.files.clear();
    const upstream = await world.upstream({
      mesa: 'vouched = "first-download"\npool = "mesa_{version}.deb"',
    });
    expect(await outdatedInputs(await world.sources(host, upstream), lock, false)).toEqual([]);
    expect(host.events).toMatchObject([
      { type: "note", message: expect.stringContaining("is unknown") as string },
    ]);
  });
});

describe("a .deb that only its first download vouches for", () => {
  it.each([
    [404, ["no longer exists (404)"]],
    [403, ["is not available (403)"]],
    [405, []],
  ])("whose address answers %i differs by %j", async (status, says) => {
    const lock = await world.lock();
    const upstream = await world.upstream({
      mesa: 'vouched = "first-download"\npool = "mesa_{version}.deb"',
    });
    const answers = testHost({ now: NOW, fetch: () => Promise.resolve(new Response(null, { status })) });
    const found = await changedDeb(await world.sources(answers, upstream), lock);
    expect(found).toEqual(says.map((what) => `${lock.deb.url} ${what}`));
  });
});

describe("what cannot be reached", () => {
  const nowhere = "http://127.0.0.1:9";

  it("is named, for a .deb that only its first download vouches for", async () => {
    const lock = await world.lock();
    const upstream = await world.upstream({
      mesa: 'vouched = "first-download"\npool = "mesa_{version}.deb"',
    });
    const mirrors = { ...upstream.mirrors, packages: nowhere };
    const sources = await world.sources(host, { ...upstream, mirrors });
    await expect(changedDeb(sources, lock)).rejects.toMatchObject({
      code: "REPOSITORY_UNREACHABLE",
      kind: "environment",
    });
  });

  it("is named, for the newest version of an npm package", async () => {
    const lock = await withClaude();
    const upstream = await world.upstream();
    const mirrors = { ...upstream.mirrors, downloads: `${nowhere}/` };
    const sources = await world.sources(host, { ...upstream, mirrors });
    await expect(outdatedInputs(sources, lock, false)).rejects.toMatchObject({
      code: "DOWNLOAD_UNREACHABLE",
      kind: "environment",
    });
  });
});

describe("an npm registry that does not say which version is the newest", () => {
  it.each([
    ["has nothing there", undefined],
    ["answers with something else", "<html>login</html>"],
  ])("because it %s, is noted", async (_what, latest) => {
    if (latest !== undefined) world.downloads.set("registry.npmjs.org/claude/latest", latest);
    const lock = await withClaude();
    expect(await outdated(lock)).toEqual([]);
    expect(host.events).toMatchObject([
      {
        type: "note",
        message: expect.stringMatching(/downloads\.claude: .*claude\/latest .*unknown/u) as string,
      },
    ]);
  });
});

describe("the available versions", () => {
  it("are read from the verified index, oldest first", async () => {
    expect(await availableVersions(await world.sources(host))).toEqual([
      "0.15.0",
      "0.20.0",
      "0.38.0",
      "0.46.0",
      "0.47.0-rc.1",
    ]);
    await world.publish({ debs: DEBS, key: await makeKey({ name: "Somebody else" }) });
    await expect(availableVersions(await world.sources(host))).rejects.toMatchObject({
      code: "RELEASE_WRONG_KEY",
    });
  });
});
