import * as z from "zod/mini";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isSealed } from "../../../src/lock/lock-file";
import { lockSchema } from "../../../src/lock/lock";
import { writeLock } from "../../../src/lock/lock-file";
import { CANONICAL, DEBS, upstreamText, upstreamWorld, type UpstreamWorld } from "./fixture/upstream-world";
import { DAY, makeKey, NOW } from "./fixture/signed-repository";
import { testHost } from "./fixture/test-host";

const FIRST_DOWNLOAD = 'vouched = "first-download"\npool = "pool/any/main/m/mesa/mesa_{version}_amd64.deb"';
let key: PrivateKey;
let world: UpstreamWorld;

beforeAll(async () => {
  key = await makeKey();
});
beforeEach(async () => {
  world = await upstreamWorld(key);
});
afterEach(() => world.close());

describe("a lock by the signature chain", () => {
  it("holds every input with its canonical name, and the whole chain", async () => {
    const lock = await world.lock();
    expect(z.parse(lockSchema, lock)).toEqual(lock);
    const deb = `${CANONICAL}/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb`;
    expect(lock).toMatchObject({
      template: "debian",
      mesaVersion: "0.20.0",
      base: {
        repository: "docker.io/library/debian",
        tag: "bookworm-slim",
        createdAt: "2026-04-07T00:00:00.000Z",
      },
      sandboxApi: { repository: "ghcr.io/blaxel-ai/sandbox", tag: "0.2.50" },
      deb: {
        version: "0.20.0",
        url: deb,
        depends: "fuse3",
        vouched: {
          by: "signed",
          chain: {
            release: {
              url: `${CANONICAL}/dists/any/InRelease`,
              form: "InRelease",
              date: new Date(NOW - DAY).toISOString(),
            },
            key: { fingerprint: key.getFingerprint().toUpperCase(), file: "keys/mesa.asc" },
            index: { path: "main/binary-amd64/Packages.gz" },
          },
        },
      },
      lockedAt: new Date(NOW).toISOString(),
    });
    expect(isSealed(lock)).toBe(true);
    expect(JSON.stringify(lock)).not.toContain("127.0.0.1");
  });

  it("takes thirteen requests, and from then on downloads nothing but headers and tokens", async () => {
    const first = await world.lock();
    expect(world.images.requests.length + world.packages.requests.length).toBe(13);
    const [images, packages] = [world.images.requests.length, world.packages.requests.length];
    expect(await world.lock()).toEqual(first);
    const later = [...world.images.requests.slice(images), ...world.packages.requests.slice(packages)];
    expect(later.length).toBe(9);
    expect(
      later.filter(({ line }) => !line.includes("/token")).reduce((sum, { bytes }) => sum + bytes, 0),
    ).toBe(0);
  });

  it("shares its requests with the lock of another template beside it", async () => {
    const host = testHost({ now: NOW });
    const upstream = await world.upstream();
    const downloads = world.cache(host);
    await Promise.all([
      world.lock({ host, upstream, downloads }),
      world.lock({ host, upstream, downloads, template: "alpine", base: "docker.io/library/alpine:3.22" }),
    ]);
    expect(world.packages.requests.length).toBe(3);
  });

  it("is the same for the same answers, but for its times", async () => {
    const now = await world.lock();
    const later = await world.lock({ host: testHost({ now: NOW + 5000 }) });
    const timeless = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (name, item: unknown) =>
          ["lockedAt", "resolvedAt", "integrity"].includes(name) ? undefined : item,
        ),
      );
    expect(timeless(later)).toEqual(timeless(now));
    expect(later).not.toEqual(now);
  });

  it("resolved anew is the lock there was when nothing it stands for has changed, index or not", async () => {
    const previous = await world.lock();
    await world.publish({ date: NOW });
    expect(await world.lock({ host: testHost({ now: NOW + 1000 }), previous })).toBe(previous);
    world.registry.images.set("docker.io/library/debian:bookworm-slim", { marker: "newer" });
    expect(await world.lock({ previous })).not.toBe(previous);
    const edited = { ...previous, lockedAt: "2020-01-01T00:00:00.000Z" };
    expect(await world.lock({ previous: edited })).not.toEqual(edited);
  });

  it("says when the same version was replaced by other bytes that the key vouches for", async () => {
    const previous = await world.lock();
    await world.publish({ debs: DEBS.map((deb) => ({ ...deb, contents: "built again" })) });
    const host = testHost({ now: NOW });
    await world.lock({ host, previous });
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringContaining("was replaced") as string },
    ]);
  });
});

describe("what cannot be locked", () => {
  it("a version that is not there: those that are", async () => {
    await expect(world.lock({ mesaVersion: "0.21.0" })).rejects.toMatchObject({
      code: "MESA_VERSION_NOT_FOUND",
      kind: "upstream",
      hint: "There are: 0.47.0-rc.1, 0.46.0, 0.38.0, 0.20.0, 0.15.0.",
    });
  });

  it("a package that is not there: not the versions, but where to look", async () => {
    const mesa = 'vouched = "signed"\nkey = "keys/mesa.asc"\npackage = "mesa-cli"';
    await expect(world.lock({ upstream: await world.upstream({ mesa }) })).rejects.toMatchObject({
      code: "MESA_VERSION_NOT_FOUND",
      hint: expect.stringContaining("lists no package mesa-cli for amd64: check mesa.package") as string,
    });
  });

  it("a version that does not exist", async () => {
    await expect(world.lock({ mesaVersion: "v0.20.0" })).rejects.toMatchObject({
      kind: "usage",
      hint: "Did you mean 0.20.0?",
    });
  });

  it.each([
    "docker.io/library/alpine:latest",
    "alpine:3",
    "alpine:edge",
    "docker.io/library/alpine",
    "docker.io/library/debian",
    `debian@sha256:${"0".repeat(64)}`,
  ])("the base image %s", async (base) => {
    await expect(world.lock({ base })).rejects.toMatchObject({ code: "BASE_NOT_PINNED", kind: "usage" });
    expect(world.images.requests).toEqual([]);
  });

  it("an index older than the one in the lock", async () => {
    const previous = await world.lock();
    await world.publish({ date: NOW - 2 * DAY });
    await expect(world.lock({ previous })).rejects.toMatchObject({
      code: "INDEX_DOWNGRADED",
      kind: "upstream",
    });
    await expect(world.lock()).resolves.toBeDefined();
  });

  it("anything when the registry does not answer", async () => {
    world.registry.tamper = () => ({ cut: true });
    await expect(world.lock()).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE", kind: "environment" });
  });
});

describe("trust on first use", () => {
  it("needs the fingerprint said, and then pins it", async () => {
    const upstream = await world.upstream({ keepFingerprint: false });
    const fingerprint = key.getFingerprint().toUpperCase();
    await expect(world.lock({ upstream })).rejects.toMatchObject({
      code: "KEY_NOT_TRUSTED",
      kind: "usage",
      message: expect.stringContaining(fingerprint) as string,
      hint: expect.stringContaining(`--trust-key ${fingerprint}`) as string,
    });
    const lock = await world.lock({ upstream, trustKey: fingerprint.toLowerCase() });
    expect(lock.deb.vouched).toMatchObject({ by: "signed" });
    expect(await upstreamText(upstream)).toContain(`[mesa]\nfingerprint = "${fingerprint}"\n`);
  });

  it("does not pin a key by which nothing could be verified", async () => {
    const upstream = await world.upstream({ keepFingerprint: false });
    await world.publish({ key: await makeKey({ name: "Somebody else" }) });
    await expect(world.lock({ upstream, trustKey: key.getFingerprint() })).rejects.toMatchObject({
      code: "RELEASE_WRONG_KEY",
    });
    expect(await upstreamText(upstream)).not.toContain("fingerprint");
  });

  it("fetches the key and keeps it, once its fingerprint is trusted", async () => {
    const upstream = await world.upstream({
      keepFingerprint: false,
      mesa: 'vouched = "signed"\nkey = "keys/fetched.asc"\nkey-url = "https://packages.example.com/mesa/gpgkey"',
    });
    await expect(world.lock({ upstream })).rejects.toMatchObject({ code: "KEY_NOT_TRUSTED" });
    await world.lock({ upstream, trustKey: key.getFingerprint() });
    await expect(world.lock()).resolves.toBeDefined();
    await rm(upstream.mesa.key?.path ?? "");
  });

  it("refuses a key file that holds another key than the pinned one", async () => {
    const upstream = await world.upstream({ keepFingerprint: false });
    await expect(world.lock({ upstream, trustKey: "0".repeat(40) })).rejects.toMatchObject({
      code: "KEY_DIFFERS",
      kind: "usage",
    });
    await expect(world.lock({ upstream, trustKey: "ABCD" })).rejects.toMatchObject({
      code: "BAD_FINGERPRINT",
      kind: "usage",
    });
  });

  it("finds the pinned key behind others in an armoured file", async () => {
    const upstream = await world.upstream();
    const path = upstream.mesa.key?.path ?? "";
    const own = await readFile(path, "utf8");
    await writeFile(path, `${(await makeKey({ name: "Former" })).toPublic().armor()}\n${own}`);
    await expect(world.lock({ upstream })).resolves.toBeDefined();
    await writeFile(path, own);
  });

  it("reports a key file that is missing or is not a key", async () => {
    const missing = await world.upstream({ mesa: 'vouched = "signed"\nkey = "keys/nope.asc"' });
    await expect(world.lock({ upstream: missing })).rejects.toMatchObject({
      code: "KEY_MISSING",
      kind: "usage",
    });
    const none = await world.upstream({ mesa: 'vouched = "signed"\nkey = "upstream.toml"' });
    await expect(world.lock({ upstream: none })).rejects.toMatchObject({
      code: "KEY_UNREADABLE",
      kind: "usage",
    });
  });
});

describe("a lock by first download", () => {
  it("warns that only the first download vouches, and records its time", async () => {
    const host = testHost({ now: NOW });
    const lock = await world.lock({ host, upstream: await world.upstream({ mesa: FIRST_DOWNLOAD }) });
    expect(lock.deb).toMatchObject({
      version: "0.20.0",
      depends: "fuse3",
      vouched: { by: "first-download", downloadedAt: new Date(NOW).toISOString() },
    });
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringContaining("is not signed") as string },
    ]);
    expect(world.packages.requests.map(({ line }) => line)).toEqual([
      "GET /mesa/any/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb 200",
    ]);
  });

  it("is compared with every later download", async () => {
    const upstream = await world.upstream({ mesa: FIRST_DOWNLOAD });
    const previous = await world.lock({ upstream });
    const host = testHost({ now: NOW + 1000 });
    expect(await world.lock({ host, upstream, previous })).toBe(previous);
    expect(host.events).toEqual([]);
    await world.publish({ debs: DEBS.map((deb) => ({ ...deb, contents: "something else" })) });
    await expect(world.lock({ upstream, previous })).rejects.toMatchObject({
      code: "DEB_CHANGED",
      kind: "upstream",
    });
  });

  it("is compared for every template below the root", async () => {
    const upstream = await world.upstream({ mesa: FIRST_DOWNLOAD });
    const lock = await world.lock({ upstream });
    const alpine = { template: "alpine", base: "docker.io/library/alpine:3.22", upstream };
    await writeLock(join(world.root, "dockerfiles/debian/0.20.0/lock.json"), lock);
    const host = testHost({ now: NOW + 1000 });
    expect((await world.lock({ ...alpine, host })).deb).toEqual(lock.deb);
    expect(host.events).toEqual([]);
    await world.publish({ debs: DEBS.map((deb) => ({ ...deb, contents: "something else" })) });
    await expect(world.lock(alpine)).rejects.toMatchObject({
      code: "DEB_CHANGED",
      kind: "upstream",
      message: expect.stringMatching(/for debian 0\.20\.0.* for alpine 0\.20\.0/u) as string,
    });
    await rm(join(world.root, "dockerfiles"), { recursive: true });
  });

  it("refuses a .deb that is something else", async () => {
    const upstream = await world.upstream({ mesa: FIRST_DOWNLOAD });
    await world.publish({ reallyInside: { version: "0.19.0" } });
    await expect(world.lock({ upstream })).rejects.toMatchObject({ code: "DEB_VERSION_DIFFERS" });
    await world.publish({ reallyInside: { package: "libgl1" } });
    await expect(world.lock({ upstream })).rejects.toMatchObject({ code: "DEB_PACKAGE_DIFFERS" });
    await world.publish({ reallyInside: { architecture: "arm64" } });
    await expect(world.lock({ upstream })).rejects.toMatchObject({ code: "DEB_ARCHITECTURE_DIFFERS" });
  });

  it("of a version that is not there names those that are, when the repository shows a list", async () => {
    const upstream = await world.upstream({ mesa: FIRST_DOWNLOAD });
    await expect(world.lock({ upstream, mesaVersion: "0.21.0" })).rejects.toMatchObject({
      code: "MESA_VERSION_NOT_FOUND",
      hint: expect.stringContaining("0.46.0") as string,
    });
    world.files.clear();
    await expect(world.lock({ upstream, mesaVersion: "0.21.0" })).rejects.toMatchObject({
      code: "MESA_VERSION_NOT_FOUND",
      hint: expect.stringContaining("are unknown") as string,
    });
  });
});
