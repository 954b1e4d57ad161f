import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkManifest } from "../../../src/manifest/check";
import { parseManifest } from "../../../src/manifest/read";
import { canonicalJson } from "../../../src/support/canonical-json";
import { EMPTY_MANIFEST } from "../../../src/manifest/entry";

const folder = mkdtempSync(join(tmpdir(), "manifest-test-"));
const writer = join(folder, "writer.mjs");
/** Kills; the whole of 500 takes minutes, so a run of the suite does a part and MANIFEST_KILLS=500 all of it. */
const KILLS = Number(process.env["MANIFEST_KILLS"] ?? 40);

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, "writer.ts")],
    outfile: writer,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    banner: { js: 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);' },
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [writer, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

async function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((done) =>
    child.on("close", (code) => {
      done(code);
    }),
  );
}

describe("writing the manifest", () => {
  it("loses nothing when 32 processes record 25 versions each at once", async () => {
    const path = join(folder, "many/manifest.json");
    const codes = await Promise.all(
      Array.from({ length: 32 }, (_, index) => ended(start("record", path, `t${String(index)}`, "25"))),
    );
    expect(codes.every((code) => code === 0)).toBe(true);
    const manifest = parseManifest(readFileSync(path, "utf8"), path);
    expect(Object.keys(manifest.versions)).toHaveLength(800);
    expect(readFileSync(path, "utf8")).toBe(canonicalJson(manifest));
    expect(readdirSync(join(folder, "many"))).toEqual(["manifest.json"]);
  }, 120_000);

  it("is whole and valid after a writer was killed at any moment, and never blocks the next", async () => {
    const path = join(folder, "killed/manifest.json");
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = start("loop", path);
      await new Promise((done) => child.stdout?.once("data", done));
      await new Promise((done) => setTimeout(done, Math.random() * 60));
      child.kill("SIGKILL");
      await ended(child);
      const text = (() => {
        try {
          return readFileSync(path, "utf8");
        } catch {
          return canonicalJson(EMPTY_MANIFEST);
        }
      })();
      expect(checkManifest(parseManifest(text, path))).toEqual([]);
    }
    const begun = Date.now();
    expect(await ended(start("record", path, "after", "1"))).toBe(0);
    expect(Date.now() - begun).toBeLessThan(11_000);
  }, 300_000);

  it("passes over the lock of a process that is gone", async () => {
    const path = join(folder, "stale/manifest.json");
    expect(await ended(start("record", path, "a", "1"))).toBe(0);
    writeFileSync(
      `${path}.lock`,
      JSON.stringify({
        pid: 2 ** 22 - 1,
        host: (await import("node:os")).hostname(),
        since: new Date().toISOString(),
        token: "gone",
      }),
    );
    expect(await ended(start("record", path, "b", "1"))).toBe(0);
    expect(Object.keys(parseManifest(readFileSync(path, "utf8"), path).versions)).toHaveLength(2);
  }, 30_000);
});
