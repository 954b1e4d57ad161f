import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { fault, faultsOff, forgetRequests, requests, resetWorld, state } from "./world";

const VERSION = "0.20.0";
const place = temporaryRoot();

interface Answer {
  readonly ok: boolean;
  readonly results?: readonly {
    readonly status: string;
    readonly deployment: { readonly image: string } | null;
  }[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly log: readonly string[];
  };
}

/** A release of one template, proven locally before, so that only the deploy is new. */
async function release(
  extra: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Ran> {
  return mesaTemplate(
    [
      "release",
      VERSION,
      "--template",
      "alpine",
      "--root",
      place.root,
      "--json",
      "--no-verify",
      "--deploy-timeout",
      "20s",
      ...extra,
    ],
    { env: { WORLD_BL_BACKOFF_MS: "20", ...env } },
  );
}

interface Entry {
  readonly status: string;
  readonly deployment: unknown;
  readonly failure: { readonly stage: string; readonly code: string } | null;
}

function entry(): Entry | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(place.root, "dockerfiles/manifest.json"), "utf8")) as {
      versions: Record<string, Entry>;
    };
    return manifest.versions[`alpine@${VERSION}-1`];
  } catch {
    return undefined;
  }
}

/** Nothing of this is left for the next test: neither world nor manifest. The local proof stays. */
async function freshPlatform(): Promise<void> {
  await faultsOff();
  await resetWorld();
  rmSync(join(place.root, "dockerfiles/manifest.json"), { force: true });
  rmSync(join(place.root, ".mesa-template/stages/alpine"), { recursive: true, force: true });
}

beforeAll(async () => {
  await resetWorld();
  const ran = await mesaTemplate([
    "release",
    VERSION,
    "--template",
    "alpine",
    "--root",
    place.root,
    "--no-deploy",
  ]);
  expect(ran.code, ran.stderr).toBe(0);
});
afterEach(freshPlatform);
afterAll(() => {
  place.remove();
});

describe("a deploy that fails says why, and records nothing as deployed", () => {
  it.each([
    { name: "build-fails", code: 7, error: "REMOTE_BUILD_FAILED", says: "exit code: 100" },
    { name: "build-never-starts", code: 7, error: "DEPLOY_TIMEOUT", says: "UPLOADING" },
    { name: "build-hangs", code: 7, error: "DEPLOY_TIMEOUT", says: "BUILDING" },
    { name: "upload-url-missing", code: 7, error: "DEPLOY_TIMEOUT", says: "UPLOADING" },
    { name: "upload-refused", code: 7, error: "UPLOAD_REFUSED", says: "403" },
    { name: "sandbox-unhealthy", code: 7, error: "SANDBOX_UNHEALTHY", says: "502" },
    { name: "sandbox-crash-loop", code: 7, error: "SANDBOX_UNHEALTHY", says: "crash" },
    { name: "unauthorized", code: 3, error: "BLAXEL_UNAUTHORIZED", says: "Unauthorized" },
    { name: "forbidden", code: 3, error: "BLAXEL_FORBIDDEN", says: "access to this workspace" },
    { name: "quota", code: 7, error: "BLAXEL_QUOTA", says: "memory quota exceeded" },
    { name: "bl-panics", code: 3, error: "BL_PANIC", says: "panic" },
    { name: "bl-no-json", code: 3, error: "BL_NO_JSON", says: "Deployed." },
    { name: "bl-old", code: 3, error: "BL_TOO_OLD", says: "0.1.90" },
  ])("$name", async ({ name, code, error, says }) => {
    await fault(name);
    // Five refused uploads with what bl waits between them take about 20 s.
    const ran = await release(name === "upload-refused" ? ["--deploy-timeout", "60s"] : []);
    const answer = ran.json<Answer>();
    expect([ran.code, answer.error?.code], JSON.stringify(answer.error)).toEqual([code, error]);
    expect(JSON.stringify(answer.error)).toContain(says);
    expect(answer.error?.hint).toBeTruthy();
    expect(entry()?.status ?? "none").not.toMatch(/deployed|verified/u);
    expect(entry()?.deployment ?? null).toBeNull();
  });

  it("bl hangs: it is ended with its whole group when the time is up", async () => {
    await fault("bl-hangs", 1);
    const ran = await release(["--deploy-timeout", "5s"]);
    expect(ran.code).toBe(3);
    expect(["BL_HANGS"]).toContain(ran.json<Answer>().error?.code);
  });

  it("bl is missing", async () => {
    const ran = await release([], { PATH: "/usr/bin:/bin" });
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([3, "BL_MISSING"]);
  });

  it("a failed deploy is recorded as failed, with stage and cause, and the next release continues the same revision", async () => {
    await fault("build-fails", 1);
    expect((await release()).code).toBe(7);
    expect(entry()).toMatchObject({
      status: "failed",
      deployment: null,
      failure: { stage: "deploy", code: "REMOTE_BUILD_FAILED" },
    });
    const again = await release();
    expect(again.code, again.stderr).toBe(0);
    expect(entry()).toMatchObject({ status: "deployed", failure: null });
  });
});

describe("a deploy that recovers", () => {
  it.each([
    { name: "bl-noise", times: undefined },
    { name: "gateway-html", times: 2 },
    { name: "deployed-without-building", times: undefined },
    { name: "slow", times: 2 },
  ])("$name", async ({ name, times }) => {
    await fault(name, times, { ms: 500 });
    const ran = await release();
    expect(ran.code, ran.stdout).toBe(0);
    expect(ran.json<Answer>().results?.[0]?.deployment?.image).toMatch(
      /^sandbox\/mesa-alpine:[a-z0-9]{12}$/u,
    );
  });

  it("a FAILED that is left over from the deploy before is not believed", async () => {
    await fault("build-fails", 1);
    expect((await release()).code).toBe(7);
    await fault("failed-left-over", undefined, { ms: 2000 });
    const ran = await release();
    expect(ran.code, ran.stdout).toBe(0);
  });

  it("the key of the environment counts, not another one in ~/.blaxel/config.yaml, nor a .env beside", async () => {
    const home = join(place.root, "home");
    mkdirSync(join(home, ".blaxel"), { recursive: true });
    writeFileSync(
      join(home, ".blaxel/config.yaml"),
      "context:\n  workspace: world\nworkspaces:\n  - name: world\n    credentials:\n      apiKey: another-key-entirely\n",
    );
    writeFileSync(join(home, ".env"), "BL_API_KEY=yet-another-key\nBL_API_URL=http://127.0.0.1:9\nLEAK=1\n");
    const ran = await mesaTemplate(
      ["release", VERSION, "--template", "alpine", "--root", place.root, "--json"],
      { env: { HOME: home }, cwd: home },
    );
    expect(ran.code, ran.stdout).toBe(0);
  });

  it("works with TMPDIR below a folder that bl's ignore rules swallow", async () => {
    const tmp = join(place.root, "dist/tmp");
    mkdirSync(tmp, { recursive: true });
    const ran = await release([], { TMPDIR: tmp });
    expect(ran.code, ran.stdout).toBe(0);
  });
});

describe("nothing new is not success by accident", () => {
  it.each(["update-dropped", "image-unchanged"])("%s", async (name) => {
    expect((await release()).code).toBe(0);
    const file = join(place.root, "templates/alpine/Dockerfile.hbs");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace("EXPOSE 8080", "ENV SECOND=1\nEXPOSE 8080"));
    await fault(name);
    const ran = await release();
    writeFileSync(file, before);
    expect([ran.code, ran.json<Answer>().error?.code], ran.stdout).toEqual([7, "NOTHING_NEW"]);
  });
});

describe("never harm", () => {
  it("refuses a sandbox of that name that somebody else made, unless --adopt", async () => {
    const headers = {
      Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
      "Content-Type": "application/json",
    };
    await fetch(`${process.env["BL_API_URL"] ?? ""}/sandboxes`, {
      method: "POST",
      headers,
      body: JSON.stringify({
        metadata: { name: "mesa-alpine" },
        spec: { runtime: { image: "blaxel/base-image:latest" } },
      }),
    });
    const refused = await release();
    expect([refused.code, refused.json<Answer>().error?.code]).toEqual([7, "SANDBOX_NOT_OURS"]);
    const adopted = await release(["--adopt"]);
    expect(adopted.code, adopted.stdout).toBe(0);
  });

  it("refuses what bl would silently drop", async () => {
    const file = join(place.root, "templates/alpine/blaxel.toml.hbs");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `workspace = "other"\n${before}`);
    const ran = await release();
    writeFileSync(file, before);
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([2, "BLAXEL_TOML"]);
    expect(ran.json<Answer>().error?.message).toContain("workspace");
  });
});

describe("verify", () => {
  it("keeps the version failed when the sandbox from the image does not come up", async () => {
    await fault("sandbox-unhealthy", 1);
    const broken = await mesaTemplate([
      "release",
      VERSION,
      "--template",
      "alpine",
      "--root",
      place.root,
      "--json",
      "--deploy-timeout",
      "10s",
    ]);
    expect(broken.code).toBe(7);
    expect(entry()?.status).toBe("failed");
    const promoted = await mesaTemplate([
      "promote",
      `alpine@${VERSION}-1`,
      "stable",
      "--root",
      place.root,
      "--json",
    ]);
    expect(promoted.code).toBe(2);
    expect(promoted.json<Answer>().error?.message).toContain("failed");
  });

  it("can be done any time later", async () => {
    expect((await release()).code).toBe(0);
    const ran = await mesaTemplate(["verify", `alpine@${VERSION}-1`, "--root", place.root, "--json"]);
    expect(ran.code, ran.stdout).toBe(0);
    expect(entry()?.status).toBe("verified");
  });
});

describe("publish and resume", () => {
  it("bl push makes an image and no sandbox", async () => {
    const ran = await release(["--publish", "push"]);
    expect(ran.code, ran.stdout).toBe(0);
    const world = await state();
    expect(world.sandboxes).toEqual([]);
    expect(world.images[0]?.tags).toHaveLength(1);
  });

  it("a killed release goes on waiting for the same upload", async () => {
    await fault("build-hangs", 1);
    let killed = false;
    await mesaTemplate(["release", VERSION, "--template", "alpine", "--root", place.root, "--no-verify"], {
      onStderr: (text, pid) => {
        if (killed || !text.includes("Blaxel: BUILDING")) return;
        killed = true;
        process.kill(pid, "SIGKILL");
      },
    });
    expect(killed).toBe(true);
    expect(entry()).toBeUndefined();
    await forgetRequests();
    const again = await release(["--deploy-timeout", "8s"]);
    expect([again.code, again.json<Answer>().error?.code]).toEqual([7, "DEPLOY_TIMEOUT"]);
    const asked = await requests("blaxel");
    expect(
      asked.filter((request) => request.method === "POST" && request.path.startsWith("/sandboxes")),
    ).toEqual([]);
  });

  it("asks the platform a bounded number of times", async () => {
    await forgetRequests();
    expect((await release()).code).toBe(0);
    const asked = (await requests("blaxel")).length;
    expect(asked).toBeGreaterThan(4);
    expect(asked).toBeLessThan(25);
  });

  it("runs any bl on PATH that can be executed", async () => {
    const bin = join(place.root, "bin");
    mkdirSync(bin, { recursive: true });
    const real = (process.env["PATH"] ?? "").split(":")[0] ?? "";
    writeFileSync(join(bin, "bl"), `#!/bin/sh\nexec ${real}/bl "$@"\n`);
    chmodSync(join(bin, "bl"), 0o755);
    const ran = await release([], { PATH: `${bin}:${process.env["PATH"] ?? ""}` });
    expect(ran.code, ran.stdout).toBe(0);
  });
});
