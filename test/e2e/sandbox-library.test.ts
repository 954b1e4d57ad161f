import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type * as Library from "../../src/index";
import { releasedPlace, type SandboxPlace } from "./sandbox-place";
import { fault, faultsOff, state } from "./world";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const VERSION = "0.38.0";
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
  place = await releasedPlace([VERSION]);
  const promoted = await place.ask(["promote", VERSION, "stable", "--template", "debian", "--unverified"]);
  expect(promoted.code, promoted.stderr).toBe(0);
  library = (await import(pathToFileURL(join(REPOSITORY, "dist/index.js")).href)) as typeof Library;
  const manifest = join(place.root, "dockerfiles/manifest.json");
  const { image, mesaVersion } = await library.resolveTemplate("stable", { template: "debian", manifest });
  template = { image, mesaVersion, repos: ["acme/demo"] };
}, 1_200_000);
beforeEach(() => place.begin());
afterAll(async () => {
  await faultsOff();
  place.remove();
});

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
    const source = readFileSync(join(REPOSITORY, "src/sandbox/diagnose.ts"), "utf8");
    const codes = [...source.matchAll(/code: "([A-Z_]+)"/gu)].map(([, code]) => code ?? "");
    const rare = ["MOUNT_FAILED", "MOUNT_WRONG_BYTES"];
    for (const code of codes.filter((one) => !rare.includes(one))) expect(text).toContain(`\`${code}\``);
  });
});

describe("a sandbox as an object", () => {
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

  it("is told apart from one that is there and does not answer", async () => {
    await fault("sandbox-unhealthy");
    const error = await rejection(library.openMesaSandbox({ ...template, createLimitMs: 5_000 }));
    await faultsOff();
    expect(error).toMatchObject({ code: "SANDBOX_NO_ANSWER" });
    expect((error as Library.Failure).message).toMatch(/HTTP 502/u);
    await place.expectClean();
  });
});
