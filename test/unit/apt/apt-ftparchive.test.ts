import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCleartextMessage, sign, type PrivateKey } from "openpgp";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  fetchListedDeb,
  fetchPackages,
  fetchRelease,
  mesaVersionsIn,
  packageFor,
  type FetchedDeb,
} from "../../../src/apt/index";
import { openDownloads } from "../../../src/support/network/downloads";
import { gpgvAccepts } from "../lock/fixture/gpgv";
import { onPath } from "../lock/fixture/on-path";
import { serve, type Answer } from "../lock/fixture/serve";
import { DAY, makeKey, NOW } from "../lock/fixture/signed-repository";
import { testHost } from "../lock/fixture/test-host";
import { tinyDeb } from "../lock/fixture/tiny-deb";

const possible = ["apt-ftparchive", "dpkg-deb", "gpgv"].every(onPath);
const DEPENDS = "libc6 (>= 2.34), fuse3";
const IN_RELEASE = "dists/any/InRelease";
const PACKAGES = "dists/any/main/binary-amd64/Packages";
const DEB = "pool/any/main/m/mesa/mesa_0.20.0_amd64.deb";
let folder: string;
let good: PrivateKey;
let other: PrivateKey;
let expired: PrivateKey;

beforeAll(async () => {
  [good, other, expired] = await Promise.all([
    makeKey(),
    makeKey({ name: "Somebody else" }),
    makeKey({ daysAgo: 100, days: 60 }),
  ]);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ftparchive-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Try {
  /** Signs; undefined: nobody does. Default: the trusted key. */
  readonly key?: PrivateKey | undefined;
  readonly trusted?: PrivateKey;
  readonly signedAt?: number;
  readonly validForSeconds?: number;
  readonly notBefore?: number;
  /** A change before the list of packages is made, before Release is made of that, after everything is signed. */
  readonly beforeList?: () => Promise<void>;
  readonly beforeRelease?: () => Promise<void>;
  readonly afterwards?: () => Promise<void>;
  readonly answers?: (path: string) => Answer | undefined;
}

const path = (name: string): string => join(folder, "any", name);

/** A repository as Debian's own tools make one, signed. */
async function publish(options: Try): Promise<void> {
  const { key, signedAt = NOW, validForSeconds = 0 } = { key: good, ...options };
  await Promise.all([DEB, PACKAGES].map((name) => mkdir(join(path(name), ".."), { recursive: true })));
  for (const version of ["0.15.0", "0.20.0"])
    await writeFile(path(DEB.replace("0.20.0", version)), await tinyDeb({ version, depends: DEPENDS }));
  await options.beforeList?.();
  const ftparchive = (...args: string[]): Buffer =>
    execFileSync("apt-ftparchive", args, { cwd: join(folder, "any") });
  await writeFile(path(PACKAGES), ftparchive("packages", "pool"));
  await options.beforeRelease?.();
  execFileSync("gzip", ["-kn", path(PACKAGES)]);
  const settings = ["Suite=any", "Components=main", `ValidTime=${String(validForSeconds)}`];
  const text = ftparchive(
    ...settings.flatMap((setting) => ["-o", `APT::FTPArchive::Release::${setting}`]),
    "release",
    "dists/any",
  ).toString();
  const message = await createCleartextMessage({ text });
  const signed =
    key === undefined ? text : await sign({ message, signingKeys: key, date: new Date(signedAt) });
  await writeFile(path(IN_RELEASE), signed);
  await options.afterwards?.();
}

/** Publishes, and walks the chain from the key to the .deb. */
async function walk(options: Try, now = Date.now()): Promise<FetchedDeb> {
  await publish(options);
  const bodies = new Map<string, Buffer>(
    await Promise.all(
      [IN_RELEASE, `${PACKAGES}.gz`, DEB].map(
        async (name) => [`/any/${name}`, await readFile(path(name))] as const,
      ),
    ),
  );
  const server = await serve((_request, asked) => {
    const body = bodies.get(asked);
    return options.answers?.(asked) ?? (body === undefined ? { status: 404 } : { body });
  });
  try {
    const host = testHost({ now });
    const downloads = openDownloads(host, join(folder, "downloads"));
    const url = `${server.url}/any`;
    const repository = { host, downloads, url, suite: "any", component: "main", package: "mesa" };
    const key = (options.trusted ?? good).toPublic();
    const verified = await fetchRelease(repository, key, options.notBefore);
    const { packages } = await fetchPackages(repository, verified);
    expect(mesaVersionsIn(packages)).toContain("0.20.0");
    const listed = packageFor(packages, "0.20.0");
    if (listed === undefined) throw new Error("0.20.0 is not listed");
    return await fetchListedDeb(repository, listed);
  } finally {
    await server.close();
  }
}

async function gpgvTakes(trusted: PrivateKey): Promise<boolean> {
  return gpgvAccepts(new Map([[IN_RELEASE, await readFile(path(IN_RELEASE))]]), trusted);
}

const edit = (name: string, change: (text: string) => string) => async (): Promise<void> => {
  const before = await readFile(path(name), "latin1");
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path(name), after, "latin1");
};
const withLastBitTurned = (text: string): string =>
  text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) ^ 1);

describe.runIf(possible)("a repository that Debian's own tools made", () => {
  it("is read as they wrote it, and gpgv takes its signature", async () => {
    await expect(walk({ validForSeconds: 86_400 })).resolves.toMatchObject({
      version: "0.20.0",
      depends: DEPENDS,
    });
    expect(await gpgvTakes(good)).toBe(true);
  });

  it.each<[string, string, () => Try]>([
    ["unsigned", "RELEASE_UNSIGNED", () => ({ key: undefined })],
    ["signed with another key", "RELEASE_WRONG_KEY", () => ({ key: other })],
    [
      "signed with a key that has expired",
      "RELEASE_KEY_EXPIRED",
      () => ({ key: expired, trusted: expired, signedAt: NOW - 50 * DAY }),
    ],
    [
      "changed after it was signed",
      "RELEASE_SIGNATURE_BAD",
      () => ({ afterwards: edit(IN_RELEASE, (text) => text.replace("Suite: any", "Suite: eny")) }),
    ],
  ])("is refused when it is %s, as gpgv refuses it", async (_what, code, options) => {
    await expect(walk(options())).rejects.toMatchObject({ code, kind: "upstream" });
    expect(await gpgvTakes(options().trusted ?? good)).toBe(false);
  });

  it.each<[string, string, () => Try, number?]>([
    ["its index has expired", "INDEX_EXPIRED", () => ({ validForSeconds: 3600 }), Date.now() + DAY],
    ["its index is older than the lock's", "INDEX_DOWNGRADED", () => ({ notBefore: Date.now() + DAY })],
    [
      "the list of packages has another hash",
      "INDEX_HASH_DIFFERS",
      () => ({ afterwards: edit(`${PACKAGES}.gz`, withLastBitTurned) }),
    ],
    ["the .deb has another hash", "DEB_HASH_DIFFERS", () => ({ afterwards: edit(DEB, withLastBitTurned) })],
    [
      "the .deb has another size",
      "DEB_SIZE_DIFFERS",
      () => ({ afterwards: edit(DEB, (text) => `${text}xx`) }),
    ],
    [
      "the .deb says another version",
      "DEB_VERSION_DIFFERS",
      () => ({
        beforeList: async () => writeFile(path(DEB), await tinyDeb({ version: "0.19.0", depends: DEPENDS })),
        beforeRelease: edit(PACKAGES, (text) => text.replace("Version: 0.19.0", "Version: 0.20.0")),
      }),
    ],
    [
      "it redirects to another host over plain http",
      "REDIRECT_REFUSED",
      () => ({
        answers: (asked) =>
          asked.endsWith(".deb")
            ? { status: 302, headers: { location: "http://mirror.example.com/mesa.deb" } }
            : undefined,
      }),
    ],
  ])("is refused when %s, though gpgv takes the signature", async (_what, code, options, now) => {
    await expect(walk(options(), now)).rejects.toMatchObject({ code, kind: "upstream" });
    expect(await gpgvTakes(good)).toBe(true);
  });
});
