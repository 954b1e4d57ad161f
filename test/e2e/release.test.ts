import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { madeOnEngine, mesaTemplate, temporaryRoot } from "./program";
import { fault, faultsOff, forgetRequests, resetWorld, state, requests } from "./world";

interface ReleaseAnswer {
  readonly ok: boolean;
  readonly results: readonly {
    readonly template: string;
    readonly id: string | null;
    readonly status: string;
    readonly upToDate: boolean;
    readonly stages: readonly { readonly stage: string; readonly outcome: string }[];
    readonly image: { readonly sizeBytes: number } | null;
    readonly smoke: { readonly passed: number; readonly failed: number; readonly skipped: number } | null;
    readonly deployment: { readonly image: string } | null;
    readonly error?: { readonly code: string; readonly hint: string };
  }[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly log: readonly string[];
  };
}

/** A folder for temporary files of these tests' own: others' runs, killed ones among them, leave theirs elsewhere. */
const temporary = mkdtempSync(join(tmpdir(), "mesa-template-e2e-"));
const usualTemporary = process.env["TMPDIR"];
beforeAll(() => {
  process.env["TMPDIR"] = temporary;
});
afterAll(() => {
  if (usualTemporary === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = usualTemporary;
  rmSync(temporary, { recursive: true, force: true });
});

function ourTemporaryFolders(): string[] {
  return readdirSync(temporary);
}

describe("release", () => {
  const main = temporaryRoot();

  beforeAll(resetWorld);
  afterAll(() => {
    main.remove();
  });

  it("takes both templates from a version number to a verified manifest entry", async () => {
    const ran = await mesaTemplate(["release", "0.20.0", "--root", main.root, "--json"]);
    expect(ran.code, ran.stderr).toBe(0);
    const { results } = ran.json<ReleaseAnswer>();
    expect(results.map((result) => [result.id, result.status, result.upToDate])).toEqual([
      ["alpine@0.20.0-1", "verified", false],
      ["debian@0.20.0-1", "verified", false],
    ]);
    for (const result of results) {
      expect(result.smoke?.failed).toBe(0);
      expect(result.smoke?.passed).toBeGreaterThanOrEqual(20);
      expect(result.deployment?.image).toMatch(/^sandbox\/mesa-(alpine|debian):[a-z0-9]{12}$/u);
      expect(result.stages.map((stage) => stage.stage)).toEqual([
        "lock",
        "render",
        "build",
        "smoke",
        "deploy",
        "verify",
        "record",
      ]);
    }
    const world = await state();
    for (const result of results)
      expect(world.sandboxes.map((sandbox) => sandbox.image)).toContain(result.deployment?.image);
    expect(madeOnEngine("ps", "-a")).toEqual([]);
    expect(ourTemporaryFolders()).toEqual([]);
    expect(world.sandboxes.filter((sandbox) => sandbox.name.startsWith("verify-"))).toEqual([]);
    expect(world.keys.filter((key) => key.name.startsWith("smoke-") && key.revoked_at === null)).toEqual([]);
  });

  it("shows them in list and show", async () => {
    const listed = (await mesaTemplate(["list", "--root", main.root, "--json"])).json<{
      versions: { id: string; status: string }[];
    }>();
    expect(listed.versions.map((entry) => entry.id).sort()).toEqual(["alpine@0.20.0-1", "debian@0.20.0-1"]);
    const shown = await mesaTemplate(["show", "debian@0.20.0-1", "--root", main.root]);
    expect(shown.stdout).toMatch(/status +verified/u);
  });

  it("has nothing to do the second time: no engine, no network, no bl", async () => {
    await forgetRequests();
    const events = join(main.root, "events.ndjson");
    const ran = await mesaTemplate(["release", "0.20.0", "--root", main.root, "--events", events], {
      env: {
        DOCKER_HOST: "tcp://127.0.0.1:9",
        BL_API_URL: "http://127.0.0.1:9",
        MESA_API_URL: "http://127.0.0.1:9",
        PATH: "/nowhere",
      },
    });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/debian@0\.20\.0-1 {2}up to date \(verified since \d{4}-/u);
    expect(JSON.parse(readFileSync(events, "utf8"))).toMatchObject({
      type: "release-finished",
      ok: true,
      upToDate: true,
    });
    for (const part of ["registry", "apt", "mesa", "blaxel"] as const)
      expect(await requests(part)).toEqual([]);
  });

  it("makes the next revision when a template was edited, and only for that template", async () => {
    const file = join(main.root, "templates/alpine/Dockerfile.hbs");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("WORKDIR /blaxel", "ENV EDITED=yes\nWORKDIR /blaxel"),
    );
    const ran = await mesaTemplate(["release", "0.20.0", "--root", main.root, "--no-deploy", "--json"]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(
      ran.json<ReleaseAnswer>().results.map((result) => [result.id, result.status, result.upToDate]),
    ).toEqual([
      ["alpine@0.20.0-2", "smoked", false],
      ["debian@0.20.0-1", "verified", true],
    ]);
  });
});

describe("wrong inputs and a wrong world", () => {
  const place = temporaryRoot();
  const manifest = join(place.root, "dockerfiles/manifest.json");

  afterEach(async () => {
    await faultsOff();
    expect(madeOnEngine("ps", "-a")).toEqual([]);
    expect(madeOnEngine("network", "ls")).toEqual([]);
    expect(ourTemporaryFolders()).toEqual([]);
    const recorded = existsSync(manifest) ? readFileSync(manifest, "utf8") : "";
    rmSync(manifest, { force: true });
    expect(recorded).toBe("");
  });
  afterAll(() => {
    place.remove();
  });

  const release = async (
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>> = {},
  ): Promise<{ code: number | null; error: ReleaseAnswer["error"]; stderr: string }> => {
    const ran = await mesaTemplate(["release", ...args, "--root", place.root, "--no-deploy", "--json"], {
      env,
    });
    return { code: ran.code, error: ran.json<ReleaseAnswer>().error, stderr: ran.stderr };
  };

  /** Runs with a file of the Alpine template changed. */
  const withFile = async <T>(
    name: string,
    edit: (text: string) => string,
    use: () => Promise<T>,
  ): Promise<T> => {
    const file = join(place.root, "templates/alpine", name);
    const before = readFileSync(file, "utf8");
    const after = edit(before);
    expect(after).not.toBe(before);
    writeFileSync(file, after);
    try {
      return await use();
    } finally {
      writeFileSync(file, before);
    }
  };
  const withDockerfile = <T>(edit: (text: string) => string, use: () => Promise<T>): Promise<T> =>
    withFile("Dockerfile.hbs", edit, use);

  it("names the versions that are there when one is not", async () => {
    const { code, error } = await release(["9.9.9"]);
    expect(code).toBe(4);
    expect(error?.code).toBe("MESA_VERSION_NOT_FOUND");
    expect(JSON.stringify(error)).toContain("0.20.0");
  });

  it("says that the registry is down", async () => {
    await fault("registry-down");
    const { code, error } = await release(["0.20.0", "--template", "debian"]);
    expect([code, error?.code], JSON.stringify(error)).toEqual([3, "REGISTRY_UNREACHABLE"]);
    expect(error?.message).toContain("library/");
    expect(error?.hint).toBeTruthy();
  });

  it("says that the engine is down", async () => {
    const { code, error } = await release(["0.20.0", "--template", "debian"], {
      DOCKER_HOST: "tcp://127.0.0.1:9",
    });
    expect([code, error?.code]).toEqual([3, "ENGINE_UNREACHABLE"]);
    expect(error?.log.join("\n")).toContain("127.0.0.1:9");
    expect(error?.hint).toBeTruthy();
  });

  it("fails the build on a .deb with another hash", async () => {
    await mesaTemplate(["lock", "0.15.0", "--root", place.root, "--template", "debian"]);
    await fault("apt-deb-hash");
    const { code, error } = await release(["0.15.0", "--template", "debian", "--force"]);
    expect([code, error?.code], JSON.stringify(error)).toEqual([5, "DEB_HASH_MISMATCH"]);
    expect(error?.hint).toContain("--relock");
  });

  it("fails the build on a RUN that fails, with the step and its last lines", async () => {
    const { code, error } = await withDockerfile(
      (text) => text.replace("WORKDIR /blaxel", "RUN echo about to fail && false\nWORKDIR /blaxel"),
      () => release(["0.20.0", "--template", "alpine"]),
    );
    expect([code, error?.code], JSON.stringify(error)).toEqual([5, "BUILD_FAILED"]);
    expect(error?.message).toContain("RUN echo about to fail");
    expect(error?.hint).toContain(".mesa-template/logs");
    expect(error?.log).toContain("about to fail");
  });

  it("fails smoke on an entrypoint that dies, with its last lines", async () => {
    const { code, error } = await withFile(
      "entrypoint.sh.hbs",
      () => "#!/bin/sh\necho the entrypoint dies\nexit 9\n",
      () => release(["0.20.0", "--template", "alpine"]),
    );
    expect([code, error?.code]).toEqual([6, "CONTAINER_DIED"]);
    expect(error?.message).toContain("exited with 9");
    expect(error?.hint).toContain("exec");
    expect(error?.log).toContain("the entrypoint dies");
  });

  it("says before any work that there is no bl, or no credentials", async () => {
    const noBl = await mesaTemplate(["release", "0.20.0", "--root", place.root, "--json"], {
      env: { PATH: "/usr/bin:/bin" },
    });
    expect([noBl.code, noBl.json<ReleaseAnswer>().error?.code]).toEqual([3, "BL_MISSING"]);
    const noKey = await mesaTemplate(["release", "0.20.0", "--root", place.root, "--json"], {
      env: { BL_API_KEY: undefined, HOME: place.root },
    });
    expect([noKey.code, noKey.json<ReleaseAnswer>().error?.code]).toEqual([3, "NO_BLAXEL_CREDENTIALS"]);
  });

  it("fails the build where the base has no fuse3 to install, with apk's words", async () => {
    const { code, error } = await withDockerfile(
      (text) => text.replace("libgcc fuse3", "libgcc fuse3-that-is-not-there"),
      () => release(["0.20.0", "--template", "alpine"]),
    );
    expect([code, error?.code], JSON.stringify(error)).toEqual([5, "BASE_LACKS_FUSE3"]);
    expect(error?.hint).toContain("main repository");
    expect(JSON.stringify(error)).toContain("fuse3-that-is-not-there (no such package)");
  });

  it("fails the build when mesa says another version than the pinned one", async () => {
    const { code, error } = await withDockerfile(
      (text) =>
        text.replace(
          "WORKDIR /blaxel",
          "RUN printf '#!/bin/sh\\necho mesa 9.9.9\\n' > /usr/bin/mesa\nRUN {{> check-version}}\nWORKDIR /blaxel",
        ),
      () => release(["0.20.0", "--template", "alpine"]),
    );
    expect([code, error?.code], JSON.stringify(error)).toEqual([5, "WRONG_MESA_VERSION"]);
    expect(error?.hint).toContain("another version");
    expect(JSON.stringify(error)).toContain("9.9.9");
  });

  it("fails the build when mesa does not start, with the loader's words", async () => {
    const { code, error } = await withDockerfile(
      (text) => text.replace("ca-certificates gcompat libgcc fuse3", "ca-certificates fuse3"),
      () => release(["0.20.0", "--template", "alpine"]),
    );
    expect([code, error?.code], JSON.stringify(error)).toEqual([5, "MESA_DOES_NOT_START"]);
    expect(error?.hint).toContain("gcompat");
    expect(error?.log.join("\n")).toMatch(/mesa.*not found/u);
  });

  it.runIf(process.getuid?.() === 0)(
    "records nothing where there is no space left, and says where",
    async () => {
      const full = temporaryRoot();
      const folder = join(full.root, "dockerfiles");
      mkdirSync(folder);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
      try {
        writeFileSync(join(folder, "filler"), Buffer.alloc(60_000));
        const args = [
          "release",
          "0.20.0",
          "--template",
          "alpine",
          "--no-deploy",
          "--json",
          "--root",
          full.root,
        ];
        const ran = await mesaTemplate(args);
        const { error } = ran.json<ReleaseAnswer>();
        expect([ran.code, error?.code], JSON.stringify(error)).toEqual([3, "WRITE_FAILED"]);
        expect(error?.message).toContain("could not be written: no space is left on the disk");
        expect(
          readdirSync(folder, { recursive: true }).filter((name) => String(name).includes(".tmp")),
        ).toEqual([]);
      } finally {
        execFileSync("umount", [folder]);
        full.remove();
      }
    },
  );

  it("keeps the old state when the manifest's folder cannot be written", async () => {
    const other = temporaryRoot();
    mkdirSync(join(other.root, "dockerfiles"), { recursive: true });
    writeFileSync(join(other.root, "dockerfiles/manifest.json"), "{ not json");
    chmodSync(join(other.root, "dockerfiles/manifest.json"), 0o444);
    const ran = await mesaTemplate(["release", "0.20.0", "--root", other.root, "--no-deploy", "--json"]);
    expect([ran.code, ran.json<ReleaseAnswer>().error?.code]).toEqual([8, "MANIFEST_UNREADABLE"]);
    expect(readFileSync(join(other.root, "dockerfiles/manifest.json"), "utf8")).toBe("{ not json");
    other.remove();
  });
});
