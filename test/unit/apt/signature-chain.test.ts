import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createCleartextMessage, sign, type PrivateKey } from "openpgp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fetchListedDeb,
  fetchPackages,
  fetchRelease,
  packageFor,
  type FetchedDeb,
} from "../../../src/apt/index";
import { openDownloads } from "../../../src/support/network/downloads";
import { gpgvAccepts } from "../lock/fixture/gpgv";
import { onPath } from "../lock/fixture/on-path";
import { serve, type Answer, type LocalServer } from "../lock/fixture/serve";
import {
  DAY,
  makeKey,
  NOW,
  repositoryFiles,
  type RepositoryOptions,
} from "../lock/fixture/signed-repository";
import { testHost } from "../lock/fixture/test-host";
import { tinyDeb } from "../lock/fixture/tiny-deb";

const DEBS = [
  { version: "0.15.0", depends: "fuse3" },
  { version: "0.20.0", depends: "libc6 (>= 2.34), fuse3" },
  { version: "0.20.0-2", depends: "libc6 (>= 2.34), fuse3" },
];
const DEB_020 = "pool/any/main/m/mesa/mesa_0.20.0-2_amd64.deb";
const hasGpgv = onPath("gpgv");

let good: PrivateKey;
let other: PrivateKey;
let expired: PrivateKey;
let withSubkey: PrivateKey;
let server: LocalServer;
let files: ReadonlyMap<string, Buffer> = new Map();
let answer: (path: string) => Answer | undefined = () => undefined;
const folders: string[] = [];

beforeAll(async () => {
  [good, other, expired, withSubkey] = await Promise.all([
    makeKey(),
    makeKey({ name: "Somebody else" }),
    makeKey({ daysAgo: 100, days: 60 }),
    makeKey({ signingSubkey: true }),
  ]);
  server = await serve((_request, path) => {
    const body = files.get(path.slice("/any/".length));
    return answer(path) ?? (body === undefined ? { status: 404 } : { body });
  });
});
afterAll(async () => {
  await server.close();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

interface Try extends Partial<RepositoryOptions> {
  readonly trusted?: PrivateKey;
  readonly notBefore?: number;
  readonly answers?: (path: string) => Answer | undefined;
  readonly downloads?: string;
}

/** Walks the whole chain against a repository made for it; what gpgv says of its signature must be what we say. */
async function walk({ trusted = good, notBefore, answers, downloads, ...options }: Try): Promise<FetchedDeb> {
  files = await repositoryFiles({ debs: DEBS, key: good, ...options });
  answer = answers ?? (() => undefined);
  const folder = downloads ?? (await mkdtemp(join(tmpdir(), "apt-test-")));
  folders.push(folder);
  const host = testHost({ now: NOW });
  const kept = openDownloads(host, folder);
  const url = `${server.url}/any`;
  const repository = { host, downloads: kept, url, suite: "any", component: "main", package: "mesa" };
  const release = await fetchRelease(repository, trusted.toPublic(), notBefore);
  const index = await fetchPackages(repository, release);
  const listed = packageFor(index.packages, "0.20.0");
  if (listed === undefined) throw new Error("0.20.0 is not listed");
  return fetchListedDeb(repository, listed);
}

const replace =
  (path: string, from: string, to: string) =>
  (all: Map<string, Buffer>): void => {
    const before = all.get(path)?.toString("latin1") ?? "";
    expect(before).toContain(from);
    all.set(path, Buffer.from(before.replace(from, to), "latin1"));
  };
const damage =
  (path: string) =>
  (all: Map<string, Buffer>): void => {
    const bytes = Buffer.from(all.get(path) ?? []);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    all.set(path, bytes);
  };

describe("a repository that is taken", () => {
  it.each<[string, () => Try]>([
    ["by InRelease", () => ({ form: "InRelease" })],
    ["by Release and Release.gpg", () => ({ form: "Release.gpg" })],
    ["with both", () => ({ form: "both" })],
    ["signed by a subkey", () => ({ key: withSubkey, trusted: withSubkey })],
    ["with Valid-Until to come", () => ({ validUntil: NOW + DAY })],
    ["with Packages.xz only", () => ({ indexes: onPath("xz") ? ["xz"] : ["gz"] })],
    ["named by its codename", () => ({ release: (text) => text.replace("Suite: any", "Suite: stable") })],
    ["named by its suite", () => ({ release: (text) => text.replace("Codename: any", "Codename: trixie") })],
    ["that names neither", () => ({ release: (text) => text.replace("Suite: any\nCodename: any\n", "") })],
    ["with Packages only", () => ({ indexes: ["none"] })],
    [
      "that lists a Packages.gz it does not have",
      () => ({ tamper: (all) => all.delete("dists/any/main/binary-amd64/Packages.gz") }),
    ],
    ["signed now by a clock that is some minutes ahead", () => ({ date: NOW + 5 * 60_000 })],
    ["as old as the one before", () => ({ date: NOW - DAY, notBefore: NOW - DAY })],
    [
      "whose redirects stay on the host",
      () => ({
        answers: (path) =>
          path.endsWith("/InRelease")
            ? { status: 302, headers: { location: "/any/dists/any/../any/InRelease?x" } }
            : path.includes("?x")
              ? { body: files.get("dists/any/InRelease") ?? "" }
              : undefined,
      }),
    ],
  ])("%s", async (_what, options) => {
    await expect(walk(options())).resolves.toMatchObject({
      package: "mesa",
      version: "0.20.0-2",
      architecture: "amd64",
      depends: "libc6 (>= 2.34), fuse3",
      url: `${server.url}/any/${DEB_020}`,
    });
    const { key = good } = options();
    if (hasGpgv) expect(gpgvAccepts(files, key)).toBe(true);
  });
});

describe.runIf(["apt-ftparchive", "gpgv"].every(onPath))("a repository that Debian's own tools made", () => {
  /** Its files by path, signed. */
  async function made(folder: string): Promise<ReadonlyMap<string, Buffer>> {
    const packages = "dists/any/main/binary-amd64/Packages";
    for (const name of [DEB_020, packages]) await mkdir(join(folder, dirname(name)), { recursive: true });
    for (const deb of DEBS)
      await writeFile(join(folder, DEB_020.replace("0.20.0-2", deb.version)), await tinyDeb(deb));
    const ftparchive = (...args: readonly string[]): string =>
      execFileSync("apt-ftparchive", args, { cwd: folder, encoding: "utf8" });
    await writeFile(join(folder, packages), ftparchive("packages", "pool"));
    const settings = ["Suite=any", "Components=main", "ValidTime=86400"];
    const options = settings.flatMap((setting) => ["-o", `APT::FTPArchive::Release::${setting}`]);
    const message = await createCleartextMessage({ text: ftparchive(...options, "release", "dists/any") });
    const signed = await sign({ message, signingKeys: good, date: new Date(NOW) });
    const read = async (name: string) => [name, await readFile(join(folder, name))] as const;
    return new Map([await read(packages), await read(DEB_020), ["dists/any/InRelease", Buffer.from(signed)]]);
  }

  it("is read as they wrote it, and gpgv takes its signature", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ftparchive-test-"));
    folders.push(folder);
    const theirs = await made(folder);
    const tamper = (all: Map<string, Buffer>): void => {
      all.clear();
      for (const [path, bytes] of theirs) all.set(path, bytes);
    };
    await expect(walk({ tamper })).resolves.toMatchObject({ version: "0.20.0-2", depends: DEBS[2]?.depends });
    expect(gpgvAccepts(files, good)).toBe(true);
  });
});

describe("a repository that is refused for its signature, as gpgv refuses it", () => {
  it.each<[string, string, () => Try]>([
    ["unsigned", "RELEASE_UNSIGNED", () => ({ form: "none" })],
    [
      "unsigned although there is an InRelease",
      "RELEASE_UNSIGNED",
      () => ({
        tamper: (all) => all.set("dists/any/InRelease", all.get("dists/any/Release") ?? Buffer.alloc(0)),
      }),
    ],
    ["signed with another key", "RELEASE_WRONG_KEY", () => ({ key: other })],
    ["signed with another key, detached", "RELEASE_WRONG_KEY", () => ({ key: other, form: "Release.gpg" })],
    [
      "signed with a key that has expired",
      "RELEASE_KEY_EXPIRED",
      () => ({ key: expired, trusted: expired, date: NOW - 50 * DAY }),
    ],
    [
      "signed with a key that has expired, detached",
      "RELEASE_KEY_EXPIRED",
      () => ({ key: expired, trusted: expired, date: NOW - 50 * DAY, form: "Release.gpg" }),
    ],
    [
      "changed after it was signed",
      "RELEASE_SIGNATURE_BAD",
      () => ({ tamper: replace("dists/any/InRelease", "Suite: any", "Suite: eny") }),
    ],
    [
      "changed after it was signed, detached",
      "RELEASE_SIGNATURE_BAD",
      () => ({ form: "Release.gpg", tamper: replace("dists/any/Release", "Suite: any", "Suite: eny") }),
    ],
    [
      "whose signature is cut off",
      "RELEASE_SIGNATURE_BAD",
      () => ({ tamper: replace("dists/any/InRelease", "-----BEGIN PGP SIGNATURE-----", "") }),
    ],
    [
      "whose signature is noise",
      "RELEASE_SIGNATURE_BAD",
      () => ({
        form: "Release.gpg",
        tamper: (all) => all.set("dists/any/Release.gpg", Buffer.from("noise")),
      }),
    ],
  ])("%s", async (_what, code, options) => {
    await expect(walk(options())).rejects.toMatchObject({ code, kind: "upstream" });
    if (hasGpgv) expect(gpgvAccepts(files, options().trusted ?? good)).toBe(false);
  });

  it("and text around a signed text is not read", async () => {
    await expect(
      walk({
        tamper: (all) =>
          all.set(
            "dists/any/InRelease",
            Buffer.concat([
              Buffer.from("SHA256:\n 00 0 x\n\n"),
              all.get("dists/any/InRelease") ?? Buffer.alloc(0),
              Buffer.from("\nValid-Until: never\n"),
            ]),
          ),
      }),
    ).resolves.toMatchObject({ version: "0.20.0-2" });
  });
});

describe("a repository that is refused for what it holds", () => {
  const PACKAGES = "dists/any/main/binary-amd64/Packages.gz";

  it.each<[string, string, string, () => Try]>([
    ["an index that has expired", "INDEX_EXPIRED", "was valid until", () => ({ validUntil: NOW - 1000 })],
    [
      "an index from the future",
      "INDEX_NOT_YET_VALID",
      "is dated",
      () => ({ release: (text) => text.replace(/Date: .*/u, `Date: ${new Date(NOW + DAY).toUTCString()}`) }),
    ],
    ["an index signed in the future", "INDEX_NOT_YET_VALID", "signed later", () => ({ date: NOW + DAY })],
    [
      "an index older than the lock's",
      "INDEX_DOWNGRADED",
      "older than",
      () => ({ date: NOW - 3 * DAY, notBefore: NOW - 2 * DAY }),
    ],
    [
      "an index of another hash",
      "INDEX_HASH_DIFFERS",
      "does not match the signed Release",
      () => ({ tamper: damage(PACKAGES) }),
    ],
    [
      "an index of another size",
      "INDEX_HASH_DIFFERS",
      "bytes",
      () => ({
        tamper: (all) =>
          all.set(PACKAGES, Buffer.concat([all.get(PACKAGES) ?? Buffer.alloc(0), Buffer.from("x")])),
      }),
    ],
    [
      "an index without end",
      "INDEX_HASH_DIFFERS",
      "sends more bytes",
      () => ({
        tamper: (all) =>
          all.set(PACKAGES, Buffer.concat([all.get(PACKAGES) ?? Buffer.alloc(0), Buffer.alloc(1_000_000)])),
      }),
    ],
    [
      "another suite that the same key signed",
      "SUITE_DIFFERS",
      "Suite unstable, Codename sid, not any",
      () => ({
        release: (text) => text.replace("Suite: any\nCodename: any", "Suite: unstable\nCodename: sid"),
      }),
    ],
    [
      "no index at all",
      "INDEX_MISSING",
      "no apt index",
      () => ({
        tamper: (all) => {
          all.clear();
        },
      }),
    ],
    [
      "a Release that lists no Packages",
      "INDEX_MISSING",
      "Packages",
      () => ({ release: (text) => text.replaceAll("binary-amd64", "binary-arm64") }),
    ],
    [
      "a Release without SHA256",
      "RELEASE_MALFORMED",
      "SHA256",
      () => ({ release: (text) => text.replace("SHA256:", "MD5Sum:") }),
    ],
    [
      "a Release without Date",
      "RELEASE_MALFORMED",
      "Date",
      () => ({ release: (text) => text.replace(/Date: .*\n/u, "") }),
    ],
    ["a .deb of another hash", "DEB_HASH_DIFFERS", "sha256", () => ({ tamper: damage(DEB_020) })],
    [
      "a .deb of another size",
      "DEB_SIZE_DIFFERS",
      "bytes",
      () => ({
        tamper: (all) =>
          all.set(DEB_020, Buffer.concat([all.get(DEB_020) ?? Buffer.alloc(0), Buffer.from("xx")])),
      }),
    ],
    ["a .deb that is gone", "DEB_MISSING", "404", () => ({ tamper: (all) => all.delete(DEB_020) })],
    [
      "a .deb that says another version",
      "DEB_VERSION_DIFFERS",
      '"0.19.0"',
      () => ({ reallyInside: { version: "0.19.0" } }),
    ],
    [
      "a .deb that says another name",
      "DEB_PACKAGE_DIFFERS",
      '"libgl1"',
      () => ({ reallyInside: { package: "libgl1" } }),
    ],
    [
      "a .deb for another machine",
      "DEB_ARCHITECTURE_DIFFERS",
      '"arm64"',
      () => ({ reallyInside: { architecture: "arm64" } }),
    ],
    [
      "a .deb that needs something else",
      "DEB_DEPENDS_DIFFERS",
      '"netcat"',
      () => ({ reallyInside: { depends: "netcat" } }),
    ],
    [
      "a redirect to another host over plain http",
      "REDIRECT_REFUSED",
      "another host over plain http",
      () => ({
        answers: (path) =>
          path.endsWith(".deb")
            ? { status: 302, headers: { location: "http://evil.example.com/mesa.deb" } }
            : undefined,
      }),
    ],
    [
      "a redirect to another port over plain http",
      "REDIRECT_REFUSED",
      "another host over plain http",
      () => ({
        answers: (path) =>
          path.endsWith("InRelease")
            ? { status: 301, headers: { location: "http://127.0.0.1:1/InRelease" } }
            : undefined,
      }),
    ],
    [
      "a redirect to a file",
      "REDIRECT_REFUSED",
      "file",
      () => ({
        answers: (path) =>
          path.endsWith(".deb") ? { status: 302, headers: { location: "file:///etc/passwd" } } : undefined,
      }),
    ],
    [
      "a redirect in circles",
      "REDIRECT_REFUSED",
      "more than 5",
      () => ({
        answers: (path) => (path.endsWith(".deb") ? { status: 302, headers: { location: path } } : undefined),
      }),
    ],
  ])("%s", async (_what, code, says, options) => {
    await expect(walk(options())).rejects.toMatchObject({
      code,
      kind: "upstream",
      message: expect.stringContaining(says) as string,
    });
  });

  it("a list of packages that points out of the repository", async () => {
    const { parsePackages } = await import("../../../src/apt/packages-file");
    const entry = (filename: string): string =>
      `Package: mesa\nVersion: 1\nArchitecture: amd64\nFilename: ${filename}\nSize: 1\nSHA256: ${"0".repeat(64)}\n`;
    expect(parsePackages(entry("./pool/x.deb"), "mesa")[0]?.filename).toBe("pool/x.deb");
    for (const filename of [
      "../x.deb",
      "/x.deb",
      "pool/../../x.deb",
      "pool/x y.deb",
      "pool/./x.deb",
      "pool/%2E%2e/x.deb",
      "pool/a%2fb.deb",
      "https://evil.example.com/x.deb?",
    ]) {
      expect(() => parsePackages(entry(filename), "mesa")).toThrow(
        expect.objectContaining({ code: "INDEX_MALFORMED" }),
      );
    }
  });
});

describe("a repository that does not answer", () => {
  it("is the environment's fault", async () => {
    await expect(walk({ answers: () => ({ cut: true }) })).rejects.toMatchObject({
      code: "REPOSITORY_UNREACHABLE",
      kind: "environment",
    });
  });
});

describe("a second walk", () => {
  it("asks for the same and downloads nothing but headers", async () => {
    const downloads = await mkdtemp(join(tmpdir(), "apt-test-"));
    const key = good;
    const first = await walk({ downloads, key });
    const before = server.requests.length;
    const unchanged = files;
    const again = await walk({
      downloads,
      key,
      tamper: (all) => {
        for (const [path, bytes] of unchanged) all.set(path, bytes);
      },
    });
    expect(again).toEqual(first);
    const later = server.requests.slice(before);
    expect(later.map(({ line }) => line.slice(-3))).toEqual(["304", "304", "304"]);
    expect(later.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0);
  });
});
