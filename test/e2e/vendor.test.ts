import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { fault, faultsOff, forgetRequests, requests, resetWorld } from "./world";

interface VendorAnswer {
  readonly upstream: string;
  readonly results: readonly {
    readonly template: string;
    readonly inputsDigest: string;
    readonly built: { readonly file: string } | null;
  }[];
}

interface ReleaseAnswer {
  readonly results: readonly {
    readonly status: string;
    readonly image: { readonly id: string };
    readonly smoke: { readonly failed: number; readonly passed: number };
  }[];
}

const first = temporaryRoot();
const folder = join(mkdtempSync(join(tmpdir(), "mesa-template-vendored-")), "folder");
let vendored: VendorAnswer;

/** On the machine without network: nothing but the folder is its upstream. */
function offline(root: string, ...args: readonly string[]): Promise<Ran> {
  return mesaTemplate([...args, "--root", root], { env: { MESA_TEMPLATE_UPSTREAM: vendored.upstream } });
}

function locksBelow(root: string): readonly string[] {
  return ["alpine", "debian"].map((template) =>
    readFileSync(join(root, "dockerfiles", template, "0.20.0/lock.json"), "utf8"),
  );
}

/** The engine of the other machine has not got the images that were built here. */
function forgetImages(): void {
  for (const { template, inputsDigest } of vendored.results) {
    const tag = `mesa-template/${template}:0.20.0-${inputsDigest.replace("sha256:", "").slice(0, 12)}`;
    execFileSync("docker", ["rmi", "--force", tag], { stdio: "ignore" });
  }
}

beforeAll(async () => {
  await resetWorld();
  const ran = await mesaTemplate(["vendor", "0.20.0", "--to", folder, "--root", first.root, "--json"]);
  expect(ran.code, ran.stderr).toBe(0);
  vendored = ran.json<VendorAnswer>();
  for (const name of ["registry-down", "apt-down"]) await fault(name);
  await forgetRequests();
}, 300_000);
afterAll(async () => {
  await faultsOff();
  forgetImages();
  first.remove();
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

describe("a vendored folder in the place of every upstream", () => {
  it("locks the same to the byte, where there is a lock and where there is none", async () => {
    const before = locksBelow(first.root);
    rmSync(join(first.root, ".mesa-template"), { recursive: true });
    const again = await offline(first.root, "lock", "0.20.0", "--relock");
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toContain("nothing has changed");
    const other = temporaryRoot();
    const anew = await offline(other.root, "lock", "0.20.0");
    expect(anew.code, anew.stderr).toBe(0);
    expect([locksBelow(first.root), locksBelow(other.root)]).toEqual([before, before]);
    other.remove();
  });

  it("brings the built images: releasing builds nothing and proves them", async () => {
    const other = temporaryRoot();
    const ids = vendored.results.map(({ template, inputsDigest }) =>
      execFileSync(
        "docker",
        [
          "inspect",
          "--format",
          "{{.Id}}",
          `mesa-template/${template}:0.20.0-${inputsDigest.replace("sha256:", "").slice(0, 12)}`,
        ],
        { encoding: "utf8" },
      ).trim(),
    );
    forgetImages();
    const ran = await offline(other.root, "release", "0.20.0", "--no-deploy", "--json");
    expect(ran.code, ran.stderr).toBe(0);
    const { results } = ran.json<ReleaseAnswer>();
    expect(results.map(({ status, smoke, image }) => [status, smoke.failed, image.id])).toEqual(
      ids.map((id) => ["smoked", 0, id]),
    );
    expect(ran.stderr).toContain("taking the image from");
    expect(ran.stderr).not.toContain("RUN");
    other.remove();
  });

  it.each(["buildkit", "classic"])("builds from it too, with %s", async (builder) => {
    const ran = await offline(
      first.root,
      "release",
      "0.20.0",
      "--no-deploy",
      "--force",
      "--builder",
      builder,
      "--template",
      "alpine",
      "--json",
    );
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json<ReleaseAnswer>().results[0]).toMatchObject({ status: "smoked", smoke: { failed: 0 } });
    expect(ran.stderr).not.toContain("taking the image from");
  });

  it("leaves the world's registry and package repository alone", async () => {
    expect([await requests("registry"), await requests("apt")]).toEqual([[], []]);
  });

  it("refuses an image that is not whole, with exit 4", async () => {
    const other = temporaryRoot();
    const copy = `${folder}-copy`;
    cpSync(folder, copy, { recursive: true });
    for (const name of readdirSync(join(copy, "built"))) truncateSync(join(copy, "built", name), 4096);
    forgetImages();
    const ran = await mesaTemplate(
      ["build", "0.20.0", "--template", "alpine", "--root", other.root, "--json"],
      {
        env: { MESA_TEMPLATE_UPSTREAM: join(copy, "upstream.toml") },
      },
    );
    expect([ran.code, ran.json<{ error: { code: string } }>().error.code]).toEqual([4, "ARCHIVE_DAMAGED"]);
    other.remove();
  });
});
