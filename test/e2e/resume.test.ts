import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { madeOnEngine, mesaTemplate, PROGRAM, temporaryRoot, withCtrlC, type Ran } from "./program";
import { forgetRequests, requests, resetWorld, state, uploads } from "./world";

const STAGES = ["lock", "render", "build", "smoke", "deploy", "verify", "record"] as const;

interface Answer {
  readonly results: readonly {
    readonly id: string;
    readonly status: string;
    readonly upToDate: boolean;
    readonly stages: readonly { readonly stage: string; readonly outcome: string }[];
  }[];
}

interface Plan {
  readonly plans: readonly {
    readonly id: string | null;
    readonly upToDate: boolean;
    readonly steps: readonly { readonly stage: string; readonly action: string; readonly why: string }[];
  }[];
}

function outcomes(ran: Ran): Record<string, string> {
  expect(ran.code, ran.stderr).toBe(0);
  const [result] = ran.json<Answer>().results;
  return Object.fromEntries((result?.stages ?? []).map(({ stage, outcome }) => [stage, outcome]));
}

function halfWritten(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tmp"));
}

/** Keeps the manifest's lock as another process would, so that a release can be met while it records. */
async function whileManifestIsLocked<T>(root: string, use: () => Promise<T>): Promise<T> {
  const lock = join(root, "dockerfiles/manifest.json.lock");
  mkdirSync(join(root, "dockerfiles"), { recursive: true });
  const holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    token: "test",
    run: "test",
  };
  writeFileSync(lock, JSON.stringify(holder));
  const alive = setInterval(() => {
    utimesSync(lock, new Date(), new Date());
  }, 1_000);
  try {
    return await use();
  } finally {
    clearInterval(alive);
    rmSync(lock, { force: true });
  }
}

describe("a release that is ended by kill -9, in each stage in turn", () => {
  const place = temporaryRoot();
  const manifest = join(place.root, "dockerfiles/manifest.json");
  const args = ["release", "0.26.0", "--template", "alpine", "--root", place.root];
  /** Containers of the run that was killed, by its id in the lock that it could not give back. */
  const killedRun = (): string => {
    const lock = readFileSync(join(place.root, ".mesa-template/locks/alpine@0.26.0.lock"), "utf8");
    return (JSON.parse(lock) as { run: string }).run;
  };
  const containersOf = (run: string): string[] =>
    execFileSync("docker", ["ps", "-aq", "--filter", `label=mesa-template.run=${run}`], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line !== "");
  let killedInSmoke = "";
  /** What each run had to do before it reached the stage in which it was killed. */
  const told = new Map<string, string>();

  const killedAt = async (words: string): Promise<Ran> => {
    let sent = false;
    const ran = await mesaTemplate(args, {
      onStderr: (text, pid) => {
        if (sent || !text.includes(words)) return;
        sent = true;
        process.kill(pid, "SIGKILL");
      },
    });
    expect(sent, ran.stderr).toBe(true);
    expect(existsSync(manifest)).toBe(false);
    return ran;
  };

  beforeAll(resetWorld);
  afterAll(() => {
    place.remove();
  });

  const inSmoke = "alpine: smoke: the sandbox API answers";
  const isKilled = async (stage: (typeof STAGES)[number]): Promise<void> => {
    const words =
      { smoke: inSmoke, deploy: "alpine: deploy: Blaxel:" }[stage as string] ?? `alpine: ${stage} …`;
    const kill = (): Promise<Ran> => killedAt(words);
    const ran = await (stage === "record" ? whileManifestIsLocked(place.root, kill) : kill());
    expect(ran.code).toBe(null);
    told.set(stage, ran.stderr);
    if (stage !== "smoke") return;
    killedInSmoke = killedRun();
    expect(containersOf(killedInSmoke)).not.toEqual([]);
  };

  it.each(STAGES.slice(0, 4))("%s: nothing is recorded", isKilled);

  /** Containers that were made on the engine that was lost. */
  const left: string[] = [];
  it("an engine that is lost in smoke is the environment's fault, and nothing is proven", async () => {
    const socket = join(place.root, "engine.sock");
    const open = new Set<Socket>();
    const proxy = createServer((from) => {
      const to = connect(
        (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").slice("unix://".length),
      );
      for (const each of [from, to]) open.add(each.on("error", () => undefined));
      to.on("data", (chunk: Buffer) => {
        for (const [, id = ""] of chunk.toString("latin1").matchAll(/"Id":"([0-9a-f]{64})","Warnings"/gu))
          left.push(id);
      });
      from.pipe(to).pipe(from);
    });
    await new Promise<void>((done) => proxy.listen(socket, done));
    const lost = await mesaTemplate([...args, "--json"], {
      env: { DOCKER_HOST: `unix://${socket}` },
      onStderr: (text) => {
        if (!text.includes(inSmoke)) return;
        proxy.close();
        for (const each of open) each.destroy();
      },
    });
    expect(lost.code, lost.stderr).toBe(3);
    expect(lost.json()).toMatchObject({ ok: false, error: { code: "ENGINE_GONE" } });
    expect(existsSync(manifest)).toBe(false);
    expect(left).not.toEqual([]);
  });

  it.each(STAGES.slice(4))("%s: nothing is recorded", isKilled);

  it("took away the containers that were left in smoke", () => {
    expect(containersOf(killedInSmoke)).toEqual([]);
    const there = execFileSync("docker", ["ps", "-aq", "--no-trunc"], { encoding: "utf8" }).split("\n");
    expect(left.filter((id) => there.includes(id))).toEqual([]);
  });

  it("resumed after the last finished stage each time", () => {
    for (const [stage, reused] of [
      ["build", ["lock"]],
      ["smoke", ["lock"]],
      ["deploy", ["lock", "build"]],
      ["verify", ["lock", "build", "smoke"]],
      ["record", ["lock", "build", "smoke", "deploy"]],
    ] as const)
      for (const before of reused)
        expect(told.get(stage), `${stage} after ${before}`).toContain(`alpine: ${before} reused`);
    // The engine was lost in its first smoke.
    expect(told.get("deploy")).not.toContain("alpine: smoke reused");
  });

  it("does in the end only what is left, and leaves nothing half-written", async () => {
    expect(outcomes(await mesaTemplate([...args, "--json"]))).toEqual({
      lock: "reused",
      render: "reused",
      build: "reused",
      smoke: "reused",
      deploy: "reused",
      verify: "reused",
      record: "done",
    });
    expect(JSON.parse(readFileSync(manifest, "utf8"))).toMatchObject({
      versions: { "alpine@0.26.0-1": { status: "verified" } },
    });
    expect(await uploads()).toBe(1);
    expect(halfWritten(join(place.root, "dockerfiles"))).toEqual([]);
  });
});

describe("Ctrl-C on a terminal", () => {
  const place = temporaryRoot();
  const release = ["release", "0.20.0"];
  const upgrade = ["upgrade", "0.26.0", "--deploy"];
  const sandbox = ["sandbox", "run", "0.20.0", "--repo", "acme/demo", "--write"];
  const where = ["--template", "alpine", "--root", place.root];
  const whole = ([...words]: readonly string[], ...command: readonly string[]): string[] => [
    ...words,
    ...where,
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
  const progress = (stage: string, message = ""): RegExp =>
    new RegExp(`"stage-progress".*"${stage}","message":"${message}`, "u");

  beforeAll(resetWorld);
  afterAll(() => {
    place.remove();
  });

  /** What runs make in the world for a while. */
  const passing = async (): Promise<readonly string[]> => {
    const { sandboxes, keys, repos } = await state();
    return [
      ...sandboxes.map(({ name }) => name).filter((name) => !name.startsWith("mesa-alpine")),
      ...keys.filter((key) => key.revoked_at === null).map(({ name }) => name),
      ...repos.map(({ name }) => name),
    ];
  };
  const leftFiles = (): string[] =>
    readdirSync(place.root, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.(?:tmp|lock)$/u.test(name),
    );
  const expectNothingLeft = async (before: readonly string[]): Promise<void> => {
    expect(await passing()).toEqual(before);
    expect([...madeOnEngine("ps", "-a"), ...madeOnEngine("network", "ls"), ...leftFiles()]).toEqual([]);
  };

  const started = (stage: string): RegExp => new RegExp(`"stage-started".*"${stage}"`, "u");
  // Each goes on where the one before it was interrupted.
  const ROWS: readonly (readonly [what: string, when: RegExp, args: readonly string[]])[] = [
    ["release, lock", started("lock"), whole(release)],
    ["release, render", started("render"), whole(release)],
    ["release, build", progress("build"), whole(release)],
    ["release, smoke", progress("smoke", "the sandbox API answers"), whole(release)],
    ["release, deploy", progress("deploy", "Blaxel:"), whole(release)],
    ["release, verify", progress("verify", "sandbox"), whole(release)],
    ["release, record", started("record"), whole(release)],
    ["verify", /sandbox verify-/u, whole(["verify", "0.20.0"])],
    ["sandbox run, while the sandbox starts", /sandbox mesa-run-\w+ from/u, whole(sandbox, "true")],
    ["sandbox run, in the command", /^here\r$/mu, whole(sandbox, "sh", "-c", "echo here; sleep 60")],
    ["upgrade, build", progress("build"), whole(upgrade)],
    ["upgrade, deploy", progress("deploy", "Blaxel:"), whole(upgrade)],
  ];
  it.each(ROWS)("%s: exits with 130, reports it, and leaves nothing", async (what, when, args) => {
    if (what === "verify") {
      expect((await mesaTemplate(whole(release))).code).toBe(0);
      expect(await uploads()).toBe(1);
    }
    const before = await passing();
    const press = (): ReturnType<typeof withCtrlC> => withCtrlC(args, when);
    const { code, screen, left } = await (what.endsWith(", record")
      ? whileManifestIsLocked(place.root, press)
      : press());
    expect(code, screen).toBe(130);
    expect(screen).toContain("interrupted by SIGINT: cleaning up");
    expect(screen).toContain("error: Interrupted by SIGINT.");
    expect(screen).not.toMatch(/^\s+at /mu);
    if (what.startsWith("release")) expect(screen).toMatch(/not reached: alpine: .*record/u);
    expect(left).toEqual([]);
    await expectNothingLeft(before);
  });

  it("is what a reader that goes away does, too: sandbox run … | head -1", async () => {
    const before = await passing();
    const words = [process.execPath, PROGRAM, ...whole(sandbox, "yes")].map((word) => `"${word}"`).join(" ");
    const { stdout } = spawnSync("bash", ["-c", `${words} | head -1; echo "\${PIPESTATUS[0]}"`], {
      encoding: "utf8",
    });
    expect(stdout).toBe("y\n130\n");
    await expectNothingLeft(before);
  });
});

describe("--dry-run, --force and --refresh", () => {
  const place = temporaryRoot();
  const args = ["release", "0.20.0", "--template", "alpine", "--no-deploy", "--root", place.root, "--json"];
  const plan = async (...more: readonly string[]): Promise<Plan["plans"][number]> => {
    const ran = await mesaTemplate([...args, "--dry-run", ...more]);
    expect(ran.code, ran.stderr).toBe(0);
    const [found] = ran.json<Plan>().plans;
    if (found === undefined) throw new Error("there is no plan");
    return found;
  };
  const wouldRun = ({ steps }: Plan["plans"][number]): string[] =>
    steps.filter(({ action }) => action === "do").map(({ stage }) => stage);

  afterAll(() => {
    place.remove();
  });

  it("says before anything is there what would be done, and does nothing of it", async () => {
    await forgetRequests();
    const first = await plan();
    expect(wouldRun(first)).toEqual(["lock", "render", "build", "smoke", "record"]);
    expect(first.steps.every(({ why }) => why !== "")).toBe(true);
    for (const part of ["registry", "apt", "mesa", "blaxel"] as const)
      expect(await requests(part)).toEqual([]);
    expect(existsSync(join(place.root, "dockerfiles"))).toBe(false);
  });

  it("says what is kept of a run that was ended, and what is up to date", async () => {
    const whole = await mesaTemplate(args);
    expect(outcomes(whole)).toMatchObject({ build: "done", smoke: "done", record: "done" });
    expect(await plan()).toMatchObject({ id: "alpine@0.20.0-1", upToDate: true });
    rmSync(join(place.root, "dockerfiles/manifest.json"));
    const left = await plan();
    expect(wouldRun(left)).toEqual(["record"]);
    expect(outcomes(await mesaTemplate(args))).toMatchObject({ build: "reused", smoke: "reused" });
  });

  it("starts over with --force, from the lock that is there", async () => {
    expect(wouldRun(await plan("--force"))).toEqual(["build", "smoke", "record"]);
    const ran = await mesaTemplate([...args, "--force"]);
    expect(outcomes(ran)).toMatchObject({ lock: "reused", build: "done", smoke: "done", record: "done" });
    expect(ran.json<Answer>().results[0]).toMatchObject({ id: "alpine@0.20.0-1", upToDate: false });
  });

  it("writes nothing with --refresh where nothing is new, and the next revision where packages have moved", async () => {
    expect(wouldRun(await plan("--refresh"))).toEqual(["lock", "render", "build", "smoke", "record"]);
    const written = (): Record<string, string> =>
      Object.fromEntries(
        readdirSync(join(place.root, "dockerfiles"), { recursive: true, withFileTypes: true })
          .filter((one) => one.isFile())
          .map((one) => join(one.parentPath, one.name))
          .map((path) => [path, readFileSync(path, "utf8")]),
      );
    const before = written();
    const same = await mesaTemplate([...args, "--refresh"]);
    expect(outcomes(same)).toMatchObject({ lock: "reused", build: "skipped", record: "skipped" });
    expect(same.json<Answer>().results[0]).toMatchObject({ id: "alpine@0.20.0-1", upToDate: true });
    expect(same.stderr).toContain("nothing new since alpine@0.20.0-1");
    expect(written()).toEqual(before);
    const file = join(place.root, "dockerfiles/alpine/0.20.0/records/1/record.json");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(/("name": "fuse3",\s+"version": ")[^"]+/u, "$10.1"),
    );
    const moved = await mesaTemplate([...args, "--refresh"]);
    expect(outcomes(moved)).toMatchObject({ lock: "done", render: "done", smoke: "done", record: "done" });
    expect(moved.json<Answer>().results[0]).toMatchObject({ id: "alpine@0.20.0-2", upToDate: false });
    expect((await mesaTemplate(["notes", "alpine@0.20.0-2", "--root", place.root])).stdout).toContain(
      "~ fuse3 0.1 → ",
    );
  });
});

describe("an image that was removed after it was proven, before it was measured", () => {
  const place = temporaryRoot();
  const args = ["release", "0.15.0", "--template", "alpine", "--root", place.root, "--no-deploy", "--json"];

  afterAll(() => {
    place.remove();
  });

  it("is built and proven anew", async () => {
    const first = await mesaTemplate([...args, "--force"]);
    expect(outcomes(first)).toMatchObject({ build: "done", smoke: "done" });
    rmSync(join(place.root, "dockerfiles/manifest.json"));
    rmSync(join(place.root, "dockerfiles/alpine/0.15.0/records"), { recursive: true });
    const [{ image }] = first.json<{ results: [{ image: { id: string } }] }>().results;
    execFileSync("docker", ["rmi", "-f", image.id]);
    expect(outcomes(await mesaTemplate(args))).toMatchObject({
      build: "done",
      smoke: "done",
      record: "done",
    });
  });
});

describe("two at the same time", () => {
  const place = temporaryRoot();
  const release = (version: string): Promise<Ran> =>
    mesaTemplate(["release", version, "--template", "alpine", "--no-verify", "--root", place.root, "--json"]);

  beforeAll(resetWorld);
  afterAll(() => {
    place.remove();
  });

  it("releases of one version: one does it, the other waits for it and finds it done", async () => {
    const both = await Promise.all([release("0.38.0"), release("0.38.0")]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const results = both.map((ran) => ran.json<Answer>().results[0]);
    expect(results.map((result) => [result?.id, result?.status])).toEqual([
      ["alpine@0.38.0-1", "deployed"],
      ["alpine@0.38.0-1", "deployed"],
    ]);
    expect(results.map((result) => result?.upToDate).sort()).toEqual([false, true]);
    expect(both.map(({ stderr }) => stderr).join("")).toMatch(
      /waiting for another release of alpine 0\.38\.0 \(process \d+ on /u,
    );
    expect((await state()).images.flatMap(({ tags }) => tags)).toHaveLength(1);
  });

  it("releases of two versions: each records its own image", async () => {
    const both = await Promise.all([release("0.15.0"), release("0.46.0")]);
    expect(
      both.map(({ code }) => code),
      both.map(({ stderr }) => stderr).join("\n"),
    ).toEqual([0, 0]);
    const { versions } = JSON.parse(readFileSync(join(place.root, "dockerfiles/manifest.json"), "utf8")) as {
      versions: Record<string, { status: string; deployments: { world: { image: string } } }>;
    };
    expect(Object.values(versions).map(({ status }) => status)).toEqual(["deployed", "deployed", "deployed"]);
    expect(new Set(Object.values(versions).map(({ deployments }) => deployments.world.image)).size).toBe(3);
  });
});
