import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCleartextMessage, sign } from "openpgp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fetchListedDeb,
  fetchPackages,
  fetchRelease,
  mesaVersionsIn,
  packageFor,
} from "../../../src/apt/index";
import { openDownloads } from "../../../src/support/downloads";
import { gpgvAccepts } from "../lock/fixture/gpgv";
import { onPath } from "../lock/fixture/on-path";
import { serve } from "../lock/fixture/serve";
import { makeKey } from "../lock/fixture/signed-repository";
import { testHost } from "../lock/fixture/test-host";
import { tinyDeb } from "../lock/fixture/tiny-deb";

const possible = ["apt-ftparchive", "dpkg-deb", "gpgv"].every(onPath);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ftparchive-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.runIf(possible)("a repository that Debian's own tools made", () => {
  it("is read as they wrote it", async () => {
    const root = join(folder, "any");
    const pool = join(root, "pool/any/main/m/mesa");
    const index = join(root, "dists/any/main/binary-amd64");
    await Promise.all([mkdir(pool, { recursive: true }), mkdir(index, { recursive: true })]);
    for (const version of ["0.15.0", "0.20.0"]) {
      await writeFile(
        join(pool, `mesa_${version}_amd64.deb`),
        await tinyDeb({ version, depends: "libc6 (>= 2.34), fuse3", compression: "gz" }),
      );
    }
    const ftparchive = (...args: string[]): Buffer => execFileSync("apt-ftparchive", args, { cwd: root });
    await writeFile(join(index, "Packages"), ftparchive("packages", "pool"));
    execFileSync("gzip", ["-kn", join(index, "Packages")]);
    const fields = [
      "-o",
      "APT::FTPArchive::Release::Suite=any",
      "-o",
      "APT::FTPArchive::Release::Components=main",
    ];
    const release = ftparchive(...fields, "release", "dists/any");
    const key = await makeKey();
    const signed = await sign({
      message: await createCleartextMessage({ text: release.toString() }),
      signingKeys: key,
    });
    await writeFile(join(root, "dists/any/InRelease"), signed);
    expect(gpgvAccepts(new Map([["dists/any/InRelease", Buffer.from(signed)]]), key)).toBe(true);

    const files = new Map<string, Buffer>();
    const server = await serve((_request, path) => {
      const body = files.get(path);
      return body === undefined ? { status: 404 } : { body };
    });
    try {
      for (const path of [
        "dists/any/InRelease",
        "dists/any/main/binary-amd64/Packages.gz",
        "pool/any/main/m/mesa/mesa_0.20.0_amd64.deb",
      ]) {
        files.set(`/any/${path}`, await readFile(join(root, path)));
      }
      const host = testHost();
      const kept = openDownloads(host, join(folder, "downloads"));
      const repository = { url: `${server.url}/any`, suite: "any", component: "main", package: "mesa" };
      const verified = await fetchRelease(host, repository, kept, key.toPublic(), undefined);
      const { packages } = await fetchPackages(host, repository, kept, verified);
      expect(mesaVersionsIn(packages)).toEqual(["0.15.0", "0.20.0"]);
      const listed = packageFor(packages, "0.20.0");
      if (listed === undefined) throw new Error("0.20.0 is not listed");
      await expect(fetchListedDeb(host, repository, kept, listed)).resolves.toMatchObject({
        version: "0.20.0",
        depends: "libc6 (>= 2.34), fuse3",
      });
    } finally {
      await server.close();
    }
  });
});
