import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { PrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { availableVersions, loadUpstream, openUpstream, parseUpstream } from "../../../src/lock/index";
import { canonicalJson } from "../../../src/support/canonical-json";
import { digestOf } from "../../../src/support/digest";
import { vendorVersion, type Vendored } from "../../../src/release/vendor";
import { testHost, type TestHost } from "./fixture/test-host";
import { DAY, makeKey, NOW } from "./fixture/signed-repository";
import { settingsFor, upstreamWorld, type UpstreamWorld } from "./fixture/upstream-world";
import { resolveLock } from "../../../src/lock/index";
import type { Lock } from "../../../src/lock/lock";

const TEMPLATES = resolve(import.meta.dirname, "../../../templates");
const DEBIAN = "docker.io/library/debian:bookworm-slim";
const DEB = "packages/mesa/any/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb";
let key: PrivateKey;
let world: UpstreamWorld;
let place: string;

beforeAll(async () => {
  key = await makeKey();
});
beforeEach(async () => {
  world = await upstreamWorld(key);
  await world.publish({ validUntil: NOW + 7 * DAY });
  place = mkdtempSync(join(tmpdir(), "vendored-test-"));
  cpSync(TEMPLATES, join(place, "root/templates"), { recursive: true });
});
afterEach(async () => {
  await world.close();
  rmSync(place, { recursive: true, force: true });
});

const folder = (): string => join(place, "vendored");

async function vendor(
  version = "0.20.0",
  mesa?: string,
  host: TestHost = testHost({ now: NOW }),
): Promise<readonly Vendored[]> {
  const upstream = await world.upstream(mesa === undefined ? {} : { mesa, keepFingerprint: false });
  return vendorVersion(host, {
    root: join(place, "root"),
    version,
    templates: ["debian"],
    upstreamPath: upstream.path,
    to: folder(),
    withImage: false,
    concurrency: 1,
    force: false,
    relock: false,
    deploy: false,
    verify: false,
    allowSkipped: false,
    adopt: false,
    publish: "deploy",
    deployTimeoutMs: 1,
    trustKey: undefined,
    structureTests: [],
    checks: [],
    builder: undefined,
    scan: undefined,
  });
}

/** Locks from the folder alone, on a machine that has nothing else. */
async function lockFromFolder(host = testHost({ now: NOW }), base = DEBIAN): Promise<Lock> {
  return resolveLock(host, {
    template: "debian",
    settings: settingsFor(base),
    mesaVersion: "0.20.0",
    upstream: await openUpstream(host, join(folder(), "upstream.toml")),
    cacheDir: join(place, "cache"),
  });
}

describe("a vendored folder", () => {
  it("gives the same lock, to the byte, when nobody else answers and everything has expired", async () => {
    const [vendored] = await vendor();
    const asked = world.images.requests.length + world.packages.requests.length;
    const later = testHost({ now: NOW + 400 * DAY });
    const lock = await lockFromFolder(later);
    expect(canonicalJson(lock)).toBe(
      readFileSync(join(place, "root/dockerfiles/debian/0.20.0/lock.json"), "utf8"),
    );
    expect(lock).toEqual(vendored?.lock);
    expect(world.images.requests.length + world.packages.requests.length).toBe(asked);
  });

  it("is an OCI image layout with every blob of linux/amd64, the signed index, the .deb and the key", async () => {
    const [vendored] = await vendor();
    const layout = join(folder(), "images");
    expect(readFileSync(join(layout, "oci-layout"), "utf8")).toContain('"imageLayoutVersion":"1.0.0"');
    const { manifests } = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
      manifests: { digest: string; size: number; mediaType: string; annotations: Record<string, string> }[];
    };
    expect(manifests.map(({ digest, mediaType, annotations }) => [digest, mediaType, annotations])).toEqual(
      [vendored?.lock.base, vendored?.lock.sandboxApi].map((image) => [
        image?.digest,
        "application/vnd.oci.image.index.v1+json",
        { "org.opencontainers.image.ref.name": `${image?.repository ?? ""}:${image?.tag ?? ""}` },
      ]),
    );
    const blobs = join(layout, "blobs/sha256");
    const names = readdirSync(blobs);
    for (const name of names) expect(digestOf(readFileSync(join(blobs, name)))).toBe(`sha256:${name}`);
    // Of each image: list, manifest, config; and the layer that both share.
    expect(names).toHaveLength(7);
    expect(vendored?.packages).toEqual([
      "packages/mesa/any/dists/any/InRelease",
      "packages/mesa/any/dists/any/main/binary-amd64/Packages.gz",
      DEB,
    ]);
    expect(readFileSync(join(folder(), "keys/repository.asc"), "utf8")).toBe(key.toPublic().armor());
  });

  it("shows the versions its index lists, in the order of the original", async () => {
    await vendor();
    const host = testHost({ now: NOW + 400 * DAY });
    const upstream = await openUpstream(host, join(folder(), "upstream.toml"));
    expect(await availableVersions(host, upstream, join(place, "cache"))).toContain("0.46.0");
  });

  it("is added to by another version, and is never a folder of other things", async () => {
    await vendor("0.15.0");
    await vendor("0.20.0");
    expect(existsSync(join(folder(), "locks/debian/0.15.0/lock.json"))).toBe(true);
    expect(existsSync(join(folder(), DEB.replace("0.20.0", "0.15.0")))).toBe(true);
    rmSync(folder(), { recursive: true });
    cpSync(TEMPLATES, folder(), { recursive: true });
    const before = readFileSync(join(folder(), "upstream.toml"), "utf8");
    await expect(vendor()).rejects.toMatchObject({ code: "VENDOR_FOLDER_TAKEN", kind: "usage" });
    expect(readFileSync(join(folder(), "upstream.toml"), "utf8")).toBe(before);
  });

  it("serves a repository without a key too: first downloads, held against what was locked", async () => {
    const pool = 'vouched = "first-download"\npool = "pool/any/main/m/mesa/mesa_{version}_amd64.deb"';
    const [vendored] = await vendor("0.20.0", pool);
    expect(vendored?.packages).toEqual([DEB]);
    const host = testHost({ now: NOW + DAY });
    expect(await lockFromFolder(host)).toEqual(vendored?.lock);
    expect(host.events.filter(({ type }) => type === "warning")).toEqual([]);
  });
});

describe("a vendored folder is refused", () => {
  const spoil = (path: string): void => {
    const bytes = readFileSync(join(folder(), path));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(join(folder(), path), bytes);
  };

  it.each<[string, string, (lock: Lock) => string]>([
    ["a changed .deb", "DEB_HASH_DIFFERS", () => DEB],
    [
      "a changed index",
      "INDEX_HASH_DIFFERS",
      () => "packages/mesa/any/dists/any/main/binary-amd64/Packages.gz",
    ],
    [
      "a changed list of images",
      "REGISTRY_WRONG_BYTES",
      ({ base }) => `images/blobs/sha256/${base.digest.slice("sha256:".length)}`,
    ],
    [
      "a changed image",
      "REGISTRY_WRONG_BYTES",
      ({ base }) => `images/blobs/sha256/${base.platformDigest.slice("sha256:".length)}`,
    ],
  ])("for %s", async (_what, code, path) => {
    const [vendored] = await vendor();
    if (vendored === undefined) throw new Error("nothing was vendored");
    spoil(path(vendored.lock));
    await expect(lockFromFolder()).rejects.toMatchObject({ code, kind: "upstream" });
  });

  it("for an index that had expired when it was written, and for one from a time after that", async () => {
    await vendor();
    const path = join(folder(), "upstream.toml");
    const text = readFileSync(path, "utf8");
    const at = (ms: number): void => {
      writeFileSync(path, text.replace(/^at = .*$/mu, `at = "${new Date(ms).toISOString()}"`));
    };
    at(NOW + 30 * DAY);
    await expect(lockFromFolder()).rejects.toMatchObject({ code: "INDEX_EXPIRED" });
    at(NOW - 30 * DAY);
    await expect(lockFromFolder()).rejects.toMatchObject({ code: "RELEASE_SIGNATURE_BAD" });
  });

  it("for an image that is not in it", async () => {
    await vendor();
    await expect(lockFromFolder(undefined, "docker.io/library/alpine:3.22")).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: expect.stringContaining("docker.io/library/alpine:3.22") as string,
    });
  });

  it("when mirrors are named beside it", async () => {
    await vendor();
    const { path } = await loadUpstream(join(folder(), "upstream.toml"));
    const text = `${readFileSync(path, "utf8")}\n[mirrors]\nimages = "mirror.example.com"\n`;
    expect(() => parseUpstream(text, path)).toThrow("both mirrors and vendored");
  });
});

describe("vendoring is refused", () => {
  it("when the repository has another .deb for the version than the lock", async () => {
    await vendor();
    rmSync(folder(), { recursive: true });
    await world.publish({ debs: [{ version: "0.20.0", depends: "fuse3", contents: "another" }] });
    await expect(vendor()).rejects.toMatchObject({ code: "DEB_CHANGED" });
    expect(existsSync(join(folder(), "upstream.toml"))).toBe(false);
  });
});
