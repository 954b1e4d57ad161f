import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type * as Library from "../../../src/index";
import { releasedPlace, type Answer, type SandboxPlace } from "./sandbox-place";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { fault, faultsOff, state } from "../world";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const VERSION = "0.38.0";
/** A version whose credentials may be as short as a test. */
const SHORT = "0.49.1";
const PRIVATE_KEY = ORGANIZATIONS["acme"]?.privateKey ?? "";
let place: SandboxPlace;
let library: typeof Library;
let template: Pick<Library.MesaSandboxOptions, "image" | "mesaVersion" | "repos">;

async function filesOfDemo(): Promise<Readonly<Record<string, string>>> {
  return (await state()).repos.find((repo) => repo.name === "demo")?.files ?? {};
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

beforeAll(async () => {
  process.env["MESA_PRIVATE_KEY"] = PRIVATE_KEY;
  place = await releasedPlace([VERSION, SHORT]);
  const promoted = await place.ask(["promote", VERSION, "stable", "--template", "debian", "--unverified"]);
  expect(promoted.code, promoted.stderr).toBe(0);
  library = (await import(pathToFileURL(join(REPOSITORY, "dist/index.js")).href)) as typeof Library;
  const manifest = join(place.root, "dockerfiles/manifest.json");
  const { image, mesaVersion } = await library.resolveTemplate("stable", { template: "debian", manifest });
  template = { image, mesaVersion, repos: ["acme/demo"] };
}, 1_200_000);
beforeEach(() => place.begin());
afterAll(faultsOff);

describe("docs/library.md", () => {
  const text = readFileSync(join(REPOSITORY, "docs/library.md"), "utf8");
  const examples = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gmu)].map(([, code]) => code ?? "");

  /** Runs TypeScript in a project that has the package installed. */
  async function run(code: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
    mkdirSync(join(place.root, "node_modules"), { recursive: true });
    const installed = join(place.root, "node_modules/mesa-blaxel-templates");
    try {
      symlinkSync(REPOSITORY, installed);
    } catch {
      // It is installed already.
    }
    const file = join(place.root, "example.mjs");
    writeFileSync(file, transformSync(code, { loader: "ts", format: "esm", target: "node20" }).code);
    return new Promise((done, fail) => {
      execFile(process.execPath, [file], { cwd: place.root, timeout: 120_000 }, (error, stdout, stderr) => {
        if (error === null) done({ stdout, stderr });
        else fail(new Error(`${error.message}\n${stdout}\n${stderr}`));
      });
    });
  }

  it("shows an example that works as it stands: await using, events, output as it comes", async () => {
    expect(examples).toHaveLength(2);
    const ran = await run(examples[0] ?? "");
    expect(ran.stdout).toBe("from an orchestrator\n");
    const types = ran.stderr.trim().split("\n");
    expect(types.map((line) => line.replace(/ mesa-run-[0-9a-f]{12}$/u, ""))).toEqual([
      "creating",
      "mounting",
      "ready",
      "closing",
      "closed",
    ]);
    expect((await filesOfDemo())["hello.txt"]).toBe("from an orchestrator\n");
    await place.expectClean();
  });

  it("shows the same around a function", async () => {
    const files = Object.keys(await filesOfDemo()).length;
    expect((await run(examples[1] ?? "")).stdout).toBe(`${String(files)} files\n`);
    await place.expectClean();
  });

  it("names every code of a mount's failure that there is", () => {
    const source = readFileSync(join(REPOSITORY, "src/sandbox/mount/diagnose.ts"), "utf8");
    const codes = [...source.matchAll(/code: "([A-Z_]+)"/gu)].map(([, code]) => code ?? "");
    const rare = ["MOUNT_FAILED", "MOUNT_WRONG_BYTES"];
    for (const code of codes.filter((one) => !rare.includes(one))) expect(text).toContain(`\`${code}\``);
  });
});

describe("a sandbox as an object", () => {
  it("is cleaned up although the listener for events throws", async () => {
    const onEvent = (): never => {
      throw new Error("the listener's own");
    };
    await library.withMesaSandbox({ ...template, onEvent }, async (sandbox) => {
      expect((await sandbox.run(["true"])).exitCode).toBe(0);
    });
    await place.expectClean();
  });

  it("runs several commands at a time, each with its own output and exit code", async () => {
    const sandbox = await library.openMesaSandbox({ ...template, write: true });
    try {
      const ran = await Promise.all(
        [0, 3, 5].map((code) => sandbox.run(["sh", "-c", `echo ${String(code)}; exit ${String(code)}`])),
      );
      expect(ran).toEqual(
        [0, 3, 5].map((code) => ({ exitCode: code, stdout: `${String(code)}\n`, stderr: "" })),
      );
      expect(Object.keys(sandbox.paths)).toEqual(["acme/demo"]);
      expect(Date.parse(sandbox.credentialEndsAt)).toBeGreaterThan(Date.now() + 3_500_000);
    } finally {
      expect(await sandbox.close()).toEqual([]);
    }
    expect(await sandbox.close()).toEqual([]);
    await place.expectClean();
    expect(Object.keys(await filesOfDemo()).filter((name) => name.startsWith("smoke-"))).toEqual([]);
  });

  it("ends commands that still run when it is closed, and loses none of their writes", async () => {
    const sandbox = await library.openMesaSandbox({ ...template, write: true });
    let begun = (): void => undefined;
    const began = new Promise<void>((done) => (begun = done));
    const script =
      "trap 'echo last >> closed.txt; exit' INT; echo first > closed.txt; echo begun; while :; do sleep 0.1; done";
    const error = rejection(sandbox.run(["sh", "-c", script], { onOutput: begun }));
    await began;
    expect(await sandbox.close()).toEqual([]);
    expect(await error).toMatchObject({ message: "The session is closed." });
    expect((await filesOfDemo())["closed.txt"]).toBe("first\nlast\n");
    await place.expectClean();
  });

  it("ends a command when onOutput throws, and tells what it threw", async () => {
    await library.withMesaSandbox(template, async (sandbox) => {
      const onOutput = (): never => {
        throw new Error("my own handler");
      };
      const started = Date.now();
      const error = await rejection(sandbox.run(["sh", "-c", "echo one; sleep 60"], { onOutput }));
      expect((error as Error).message).toBe("my own handler");
      expect(Date.now() - started).toBeLessThan(30_000);
      expect(await rejection(sandbox.run(["echo", "all"], { onOutput }))).toMatchObject({
        message: "my own handler",
      });
      expect(await rejection(sandbox.run([]))).toMatchObject({ code: "USAGE" });
      expect((await sandbox.run(["true"])).exitCode).toBe(0);
    });
    await place.expectClean();
  });

  it("is closed when the function around it throws, and what it threw is seen", async () => {
    const error = await rejection(
      library.withMesaSandbox(template, () => Promise.reject(new Error("my own"))),
    );
    expect((error as Error).message).toBe("my own");
    await place.expectClean();
  });

  it("tells what could not be cleaned up, and still deletes the sandbox", async () => {
    const events: Library.SessionEvent[] = [];
    await fault("mesa-revoke-fails");
    const sandbox = await library.openMesaSandbox({ ...template, onEvent: (event) => events.push(event) });
    const leftovers = await sandbox.close();
    await faultsOff();
    expect(leftovers.join()).toMatch(/could not be revoked/u);
    expect(events.map(({ type }) => type)).toEqual(["creating", "mounting", "ready", "closing", "left-over"]);
    expect((await state()).sandboxes.map(({ name }) => name)).not.toContain(sandbox.name);
    await place.ask(["sandbox", "clean"]);
  });

  it("ends a running command when the signal is aborted, and cleans up", async () => {
    const stop = new AbortController();
    const error = await rejection(
      library.withMesaSandbox({ ...template, signal: stop.signal }, (sandbox) =>
        sandbox.run(["sh", "-c", "echo begun; sleep 86400"], {
          onOutput: () => {
            stop.abort(new Error("enough"));
          },
        }),
      ),
    );
    expect((error as Error).message).toBe("enough");
    await place.expectClean();
  });

  it("does not take a command's word when the mount broke meanwhile", async () => {
    const error = await rejection(
      library.withMesaSandbox({ ...template, write: true }, async (sandbox) => {
        await fault("mesa-key-ends");
        return sandbox.run(["true"]);
      }),
    );
    await faultsOff();
    expect(error).toMatchObject({ code: "CREDENTIAL_ENDED", kind: "deploy" });
    await place.expectClean();
  });
});

describe("a sandbox that does not come up", () => {
  it("is given up after the time that was given, and nothing of it is left", async () => {
    await fault("create-hangs");
    const error = await rejection(library.openMesaSandbox({ ...template, createLimitMs: 1_500 }));
    await faultsOff();
    expect(error).toBeInstanceOf(library.Failure);
    expect(error).toMatchObject({ code: "SANDBOX_CREATE_TIMEOUT" });
    expect((error as Library.Failure).message).toMatch(/was not created within 2 s/u);
    await place.expectClean();
  });

  it("differs from one that exists and is not responding", async () => {
    await fault("sandbox-unhealthy");
    const error = await rejection(library.openMesaSandbox({ ...template, createLimitMs: 5_000 }));
    await faultsOff();
    expect(error).toMatchObject({ code: "SANDBOX_NO_ANSWER" });
    expect((error as Library.Failure).message).toMatch(/HTTP 502/u);
    await place.expectClean();
  });
});

/** The template of the version with short credentials, and what there is to use it. */
async function shortLived(): Promise<
  Pick<Library.MesaSandboxOptions, "image" | "mesaVersion" | "repos" | "env">
> {
  const manifest = join(place.root, "dockerfiles/manifest.json");
  const { image, mesaVersion } = await library.resolveTemplate(SHORT, { template: "debian", manifest });
  const env = { ...process.env, MESA_API_KEY: undefined, MESA_PRIVATE_KEY: PRIVATE_KEY };
  return { image, mesaVersion, repos: ["acme/demo"], env };
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe("a session that is longer than its credential", () => {
  it("loses no byte: the mount is flushed and made again with a new credential, between commands", async () => {
    const events: Library.SessionEvent[] = [];
    await fault("mount-writes-late");
    const template = await shortLived();
    const sandbox = await library.openMesaSandbox({
      ...template,
      write: true,
      ttlSeconds: 16,
      onEvent: (event) => events.push(event),
    });
    const written: Record<string, string> = {};
    const leftovers = await (async () => {
      try {
        const firstEnd = Date.parse(sandbox.credentialEndsAt);
        for (let count = 0; Date.now() < firstEnd + 2_000; count += 1) {
          const [name, text] = [`long-${String(count)}.txt`, `line ${String(count)}\n`];
          const { exitCode } = await sandbox.run(["sh", "-c", `printf '${text}' > ${name}; cat long-*.txt`]);
          expect(exitCode).toBe(0);
          written[name] = text;
        }
        expect(Date.parse(sandbox.credentialEndsAt)).toBeGreaterThan(firstEnd + 5_000);
        // One that would go on for ever is ended in time; what it was told is written, is.
        let told = "";
        const endless = "i=0; while :; do i=$((i+1)); echo $i >> endless.txt && echo $i; sleep 0.1; done";
        const error = await rejection(
          sandbox.run(["sh", "-c", endless], {
            onOutput: (_, data) => {
              told += Buffer.from(data).toString("utf8");
            },
          }),
        );
        expect(error).toMatchObject({ code: "CREDENTIAL_ENDING", kind: "deploy" });
        written["endless.txt"] = told;
        // The next one waits for the mount that is made meanwhile.
        const { stdout } = await sandbox.run(["tail", "-n", "1", "endless.txt"]);
        expect(Number(stdout)).toBeGreaterThan(1);
        await sandbox.remount();
      } finally {
        await faultsOff();
      }
      return sandbox.close();
    })();
    expect(leftovers).toEqual([]);
    const remounted = events.filter((event) => event.type === "remounted").map(({ reason }) => reason);
    expect(remounted.filter((reason) => reason === "credential").length).toBeGreaterThan(1);
    expect(remounted).toContain("asked");
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
    const files = await filesOfDemo();
    expect(Object.keys(written).length).toBeGreaterThan(3);
    for (const [name, text] of Object.entries(written))
      expect(files[name]?.startsWith(text), name).toBe(true);
    expect(JSON.stringify(events)).not.toMatch(/eyJ[\w-]{10,}\.eyJ|mesa_private_key/u);
    await place.expectClean();
  });

  it("ends a command of sandbox run in time, with 7 and the reason, and everything flushed", async () => {
    await fault("mount-writes-late");
    const script = "i=0; while :; do i=$((i+1)); echo $i >> run.txt && echo $i; sleep 0.1; done";
    const ran = await place.run(SHORT, ["sh", "-c", script], ["--write", "--ttl", "16s"], {
      env: { MESA_API_KEY: undefined, MESA_PRIVATE_KEY: PRIVATE_KEY },
    });
    await faultsOff();
    expect(ran.code, ran.stdout).toBe(7);
    const { error, stdout, leftovers } = ran.json<Answer>();
    expect([error?.code, leftovers]).toEqual(["CREDENTIAL_ENDING", []]);
    expect(error?.hint).toMatch(/--ttl \(at most 4h/u);
    expect(ran.stderr).toMatch(/a command may run until 2\d{3}-/u);
    expect(stdout.length).toBeGreaterThan(2);
    expect((await filesOfDemo())["run.txt"]?.startsWith(stdout)).toBe(true);
    expect(ran.stderr + ran.stdout).not.toContain(PRIVATE_KEY.slice(22));
    await place.expectClean();
  });
});

describe("a sandbox that was left alone for a while", () => {
  /** Another user, a tree of several repositories and a branch of its own: all of it is there again after a new mount. */
  const branched = {
    user: "agent",
    mounts: ["demo:/work/app:rw", "acme/lib:/lib:ro"],
    createRepos: true,
    branch: "standby",
  };
  it.each([
    ["standby", { mode: "cut" }, branched.branch],
    ["standby", { mode: "hangs" }, undefined],
    ["archive", {}, undefined],
  ])(
    "%s %j: the mount is made again before the next command, and nothing is lost",
    async (name, args, branch) => {
      const events: Library.SessionEvent[] = [];
      const file = `${name}-${JSON.stringify(args).replace(/\W/gu, "")}.txt`;
      const { repos, ...short } = await shortLived();
      const sandbox = await library.openMesaSandbox({
        ...(branch === undefined ? { ...template, repos: repos ?? [] } : { ...short, ...branched }),
        write: true,
        onEvent: (event) => events.push(event),
      });
      try {
        await sandbox.run(["sh", "-c", `echo before > ${file}`]);
        await fault(name, 1, { ...args, sandbox: sandbox.name });
        await pause(8_500);
        const { stdout } = await sandbox.run(["sh", "-c", `echo after >> ${file}; cat ${file}`]);
        expect(stdout).toBe("before\nafter\n");
        expect(events.filter((event) => event.type === "remounted")).toMatchObject([{ reason: "broken" }]);
        if (name === "archive") {
          // A mount that survived is left as it is.
          await pause(8_500);
          expect((await sandbox.run(["cat", file])).exitCode).toBe(0);
          expect(events.filter((event) => event.type === "remounted")).toHaveLength(1);
        }
        if (branch !== undefined) {
          const tree = await sandbox.run([
            "sh",
            "-c",
            `id -un; stat -c %U ${file}; ls ../..; touch ../../lib/x`,
          ]);
          expect([tree.exitCode, tree.stdout]).toEqual([1, "agent\nagent\nlib\nwork\n"]);
          expect(sandbox.branches).toEqual([{ repo: "acme/demo", bookmark: branch, into: "main" }]);
        }
      } finally {
        await faultsOff();
        expect(await sandbox.close()).toEqual([]);
      }
      const { bookmarks = {} } = (await state()).repos.find((repo) => repo.name === "demo") ?? {};
      expect(bookmarks[branch ?? "main"]?.[file]).toBe("before\nafter\n");
      if (branch !== undefined) expect(bookmarks["main"]?.[file]).toBeUndefined();
      await place.expectClean();
    },
  );
});
