import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askBlaxel, countedRequests, deployPlace, ID, REAL_BL, VERSION, type Answer } from "./deploy-place";
import type { Ran } from "../program";
import { fault, faultsOff, forgetRequests, requests, state } from "../world";

const place = deployPlace();
const IMAGE = /^sandbox\/mesa-alpine:[a-z0-9]{12}$/u;

beforeAll(() => place.prove());
afterEach(() => place.fresh());
afterAll(() => {
  place.remove();
});

/** A release that ended well, and recorded the image that the world's newest tag stands for. */
async function expectDeployed(ran: Ran): Promise<void> {
  expect(ran.code, ran.stdout).toBe(0);
  const image = ran.json<Answer>().results?.[0]?.deployment?.image;
  expect(image).toMatch(IMAGE);
  const tags = (await state()).images[0]?.tags ?? [];
  expect(image).toBe(`sandbox/mesa-alpine:${tags.at(-1) ?? ""}`);
  expect(place.entry()).toMatchObject({ status: "deployed", deployment: { image }, failure: null });
}

const changed = (text: string): string => text.replace("EXPOSE 8080", "ENV SECOND=1\nEXPOSE 8080");

describe("a deploy that recovers", () => {
  it.each([
    ...(REAL_BL ? [] : [{ name: "bl-noise" }]),
    { name: "deployed-without-building" },
    { name: "slow", times: 2, args: { ms: 500 } },
    { name: "image-unclear", args: { ms: 4000 } },
    { name: "gateway-html", when: "before bl runs", times: 5 },
    // Four are one more than bl's own SDK takes.
    {
      name: "gateway-html",
      when: "at the deploy",
      times: 4,
      args: { method: "POST", path: "/sandboxes", status: 504 },
    },
    { name: "gateway-html", when: "at the upload", times: 1, args: { method: "PUT" } },
    {
      name: "gateway-html",
      when: "while waiting",
      times: 7,
      args: { method: "GET", path: "/sandboxes/", status: 504 },
    },
  ])("$name $when", async ({ name, times, args }) => {
    await fault(name, times, args);
    await expectDeployed(await place.release(["--deploy-timeout", "60s"]));
  });

  it("a sandbox that never names its tag runs the one tag that is new; latest is not taken for it", async () => {
    await fault("image-unclear");
    await expectDeployed(await place.release());
  });

  it("a sandbox that exists is updated: 409, then PUT", async () => {
    await expectDeployed(await place.release());
    await forgetRequests();
    const ran = await place.withChangedSource("Dockerfile.hbs", changed, () => place.release());
    expect(ran.code, ran.stdout).toBe(0);
    const writes = (await requests("blaxel"))
      .filter(({ method, path }) => method !== "GET" && path.startsWith("/sandboxes"))
      .map(({ method, status }) => `${method} ${String(status)}`);
    expect(writes).toEqual(["POST 409", "POST 409", "POST 409", "PUT 200"]);
    const tags = (await state()).images[0]?.tags ?? [];
    expect(tags).toHaveLength(2);
    expect(ran.json<Answer>().results?.[0]?.deployment?.image).toBe(`sandbox/mesa-alpine:${tags[1] ?? ""}`);
  });

  it("a FAILED that is left over from the deploy before is not believed", async () => {
    await fault("build-fails", 1);
    expect((await place.release()).code).toBe(7);
    await fault("failed-left-over", undefined, { ms: 2000 });
    await expectDeployed(await place.release());
  });

  it("the key of the environment counts, not another one in ~/.blaxel/config.yaml, nor a .env beside", async () => {
    const home = join(place.root, "home");
    mkdirSync(join(home, ".blaxel"), { recursive: true });
    writeFileSync(
      join(home, ".blaxel/config.yaml"),
      "context:\n  workspace: world\nworkspaces:\n  - name: world\n    credentials:\n      apiKey: another-key-entirely\n",
    );
    const dotEnv = "BL_API_KEY=yet-another-key\nBL_API_URL=http://127.0.0.1:9\nLEAK=1\n";
    for (const folder of [home, place.root]) writeFileSync(join(folder, ".env"), dotEnv);
    const ran = await place.run(["release", VERSION, "--template", "alpine"], {
      env: { HOME: home },
      cwd: home,
    });
    expect(ran.code, ran.stdout).toBe(0);
    expect(place.entry()?.status).toBe("verified");
    const sandbox = (await (await askBlaxel("GET", "/sandboxes/mesa-alpine")).json()) as {
      spec: { runtime: { envs: { name: string }[] } };
    };
    expect(sandbox.spec.runtime.envs.map(({ name }) => name).sort()).toEqual([
      "MESA_TEMPLATE",
      "MESA_TEMPLATE_INPUTS",
    ]);
    expect(readdirSync(join(home, ".blaxel"))).toEqual(["config.yaml"]);
  });

  it("runs any bl on PATH that can be executed, with TMPDIR below a folder that bl's ignore rules swallow", async () => {
    const tmp = join(place.root, "dist/tmp");
    mkdirSync(tmp, { recursive: true });
    const bin = join(place.root, "bin");
    mkdirSync(bin, { recursive: true });
    const real = (process.env["PATH"] ?? "").split(":")[0] ?? "";
    writeFileSync(join(bin, "bl"), `#!/bin/sh\nexec ${real}/bl "$@"\n`);
    chmodSync(join(bin, "bl"), 0o755);
    const env = { TMPDIR: tmp, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    await expectDeployed(await place.release([], { env }));
  });
});

describe("what is asked of Blaxel is bounded", () => {
  it("a release asks for nothing twice but the state that it waits for; one with nothing to do asks for nothing", async () => {
    await forgetRequests();
    const begun = Date.now();
    await expectDeployed(await place.release());
    // The first looks come sooner one after the other than every 3 s.
    const polls = Math.ceil((Date.now() - begun) / 3_000) + 4;
    const { "GET sandbox": looks = 0, "GET sbx": health = 0, ...others } = await countedRequests();
    expect(others).toEqual({ "GET workspaces": 1, "GET images": 2, "POST sandboxes": 1, "PUT upload": 1 });
    // One before, one by bl deploy itself, then one an interval.
    expect(looks).toBeGreaterThanOrEqual(3);
    expect(looks).toBeLessThanOrEqual(2 + polls);
    expect(health).toBeGreaterThanOrEqual(1);
    expect(health).toBeLessThanOrEqual(polls);
    await forgetRequests();
    expect((await place.release()).code).toBe(0);
    expect(await requests("blaxel")).toEqual([]);
  });
});

describe("an interrupted release resumes", () => {
  /** Ends a release with a signal once its build is seen. */
  async function endedWhileBuilding(name: NodeJS.Signals, extra: readonly string[] = []): Promise<Ran> {
    let ended = false;
    return place.release(["--deploy-timeout", "60s", ...extra], {
      onStderr: (text, pid) => {
        if (ended || !text.includes("Blaxel: BUILDING")) return;
        ended = true;
        process.kill(pid, name);
      },
    });
  }

  it.each([
    { name: "SIGKILL", code: null },
    { name: "SIGINT", code: 130 },
  ] as const)("after $name it waits for the same upload", async ({ name, code }) => {
    await fault("build-hangs", 1, { ms: 5000 });
    expect((await endedWhileBuilding(name)).code).toBe(code);
    expect(place.entry()).toBeUndefined();
    await forgetRequests();
    await expectDeployed(await place.release());
    const { "POST sandboxes": sent, "PUT upload": uploads } = await countedRequests();
    expect([sent, uploads]).toEqual([undefined, undefined]);
  });

  it("takes what went through meanwhile", async () => {
    await fault("build-hangs", 1, { ms: 3000 });
    await endedWhileBuilding("SIGKILL");
    await expect.poll(async () => (await state()).sandboxes[0]?.status, { timeout: 30_000 }).toBe("DEPLOYED");
    await forgetRequests();
    await expectDeployed(await place.release());
    expect((await countedRequests())["PUT upload"]).toBeUndefined();
  });

  it("deploys again if the platform no longer shows the upload", async () => {
    await fault("build-hangs", 1);
    await endedWhileBuilding("SIGKILL");
    await askBlaxel("DELETE", "/sandboxes/mesa-alpine");
    await forgetRequests();
    await expectDeployed(await place.release());
    expect((await countedRequests())["POST sandboxes"]).toBe(1);
  });

  it("sends anew with --force", async () => {
    await fault("build-hangs", 1);
    await endedWhileBuilding("SIGKILL");
    await forgetRequests();
    await expectDeployed(await place.release(["--force", "--deploy-timeout", "60s"]));
    expect((await countedRequests())["PUT upload"]).toBe(1);
  });

  it("waits for the time limit, and no longer, where the upload does not come through", async () => {
    await fault("build-hangs", 1);
    await endedWhileBuilding("SIGKILL");
    await forgetRequests();
    const again = await place.release(["--deploy-timeout", "8s"]);
    expect([again.code, again.json<Answer>().error?.code]).toEqual([7, "DEPLOY_TIMEOUT"]);
    expect((await countedRequests())["POST sandboxes"]).toBeUndefined();
  });
});

describe("verify", () => {
  it("keeps the version failed when the checks fail in the sandbox; no channel can point to it", async () => {
    await expectDeployed(await place.release());
    await fault("sandbox-no-fuse");
    const broken = await place.run(["release", VERSION, "--template", "alpine"]);
    expect(broken.code, broken.stdout).toBe(7);
    expect(broken.json<Answer>().error?.code).toMatch(/^VERIFY_/u);
    expect(place.entry()).toMatchObject({ status: "failed", failure: { stage: "verify" } });
    expect(place.entry()?.deployment?.image).toMatch(IMAGE);
    const promoted = await place.run(["promote", ID, "stable"]);
    expect(promoted.code).toBe(2);
    expect(promoted.json<Answer>().error?.message).toContain("failed");
    expect((await state()).sandboxes.map(({ name }) => name)).toEqual(["mesa-alpine"]);
  });

  it("does not hold the workspace's fault against the version; it can be done any time later, and its sandbox is deleted", async () => {
    await expectDeployed(await place.release());
    await fault("quota");
    const refused = await place.run(["verify", ID]);
    expect([refused.code, refused.json<Answer>().error?.code], refused.stdout).toEqual([7, "BLAXEL_QUOTA"]);
    expect(refused.json<Answer>().error?.message).toContain("memory quota exceeded");
    expect(place.entry()?.status).toBe("deployed");
    await faultsOff();
    const ran = await place.run(["verify", ID]);
    expect(ran.code, ran.stdout).toBe(0);
    expect(place.entry()?.status).toBe("verified");
    expect((await state()).sandboxes.map(({ name }) => name)).toEqual(["mesa-alpine"]);
  });

  it("ended by SIGKILL it leaves a sandbox, which sandbox clean removes; ended by Ctrl-C it leaves none, though Blaxel never answers", async () => {
    await expectDeployed(await place.release());
    const made = async (): Promise<readonly string[]> =>
      (await state()).sandboxes.map((sandbox) => sandbox.name).filter((other) => other.startsWith("verify-"));
    const endedBy = (name: NodeJS.Signals, when: () => Promise<unknown>): Promise<Ran> => {
      let ended = false;
      return place.run(["verify", ID], {
        // Less than undici waits for an answer by itself.
        timeoutMs: 60_000,
        onStderr: (text, pid) => {
          if (ended || !text.includes("sandbox verify-")) return;
          ended = true;
          void when().then(() => process.kill(pid, name));
        },
      });
    };
    const isMade = (): Promise<unknown> =>
      expect.poll(made, { timeout: 30_000, interval: 20 }).toHaveLength(1);
    for (const [name, code, left] of [
      ["SIGKILL", null, 1],
      ["SIGINT", 130, 0],
    ] as const) {
      const ran = await endedBy(name, isMade);
      expect(ran.code, ran.stdout).toBe(code);
      expect(await made()).toHaveLength(left);
      const cleaned = await place.run(["sandbox", "clean"]);
      expect(cleaned.code, cleaned.stdout).toBe(0);
      expect(await made()).toEqual([]);
    }
    await fault("create-hangs");
    const ran = await endedBy("SIGINT", () => new Promise((done) => setTimeout(done, 2_000)));
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([130, "INTERRUPTED"]);
  });
});
