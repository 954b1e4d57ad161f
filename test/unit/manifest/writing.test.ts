import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkManifest } from "../../../src/manifest/check";
import { parseManifest } from "../../../src/manifest/read";
import { thisProcess } from "../../../src/support/processes/alive";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { EMPTY_MANIFEST, type Manifest } from "../../../src/manifest/entry";
import { bundle } from "../cli/fixture/built";

const folder = mkdtempSync(join(tmpdir(), "manifest-test-"));
const writer = join(folder, "writer.mjs");
/** Writers that are killed one after the other, and others that go on beside them meanwhile. */
const [KILLS, AT_ONCE] = [40, 3];
const [PROCESSES, VERSIONS] = [12, 8];

beforeAll(async () => {
  await bundle(join(import.meta.dirname, "writer.ts"), writer);
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

/** Each write took both templates: a manifest in which only one moved was written by half. */
function expectWhole({ channels, history }: Manifest): void {
  const version = (template: string): string | undefined => channels[template]?.["stable"]?.split("@")[1];
  expect(version("alpine")).toBe(version("debian"));
  expect(history.length % 2).toBe(0);
}

describe("writing the manifest", () => {
  it(`loses nothing when ${String(PROCESSES)} processes record ${String(VERSIONS)} versions each at once`, async () => {
    const path = join(folder, "many/manifest.json");
    const codes = await Promise.all(
      Array.from({ length: PROCESSES }, (_, index) =>
        ended(start("record", path, `t${String(index)}`, String(VERSIONS))),
      ),
    );
    expect(codes.every((code) => code === 0)).toBe(true);
    const manifest = parseManifest(readFileSync(path, "utf8"), path);
    expect(Object.keys(manifest.versions)).toHaveLength(PROCESSES * VERSIONS);
    expect(readFileSync(path, "utf8")).toBe(canonicalJson(manifest));
    expect(readdirSync(join(folder, "many"))).toEqual(["manifest.json"]);
  }, 120_000);

  it(`is whole and valid after each of ${String(KILLS)} writers was killed at any moment, and never blocks the next`, async () => {
    const path = join(folder, "killed/manifest.json");
    const seen = { killed: 0, locked: 0, written: 0 };
    let before = "";
    let begun = 0;
    // Kills that never met a writer at work would show nothing: a busy machine makes more of them, until the test's time is up.
    const goesOn = (): boolean => begun < KILLS || Math.min(seen.written, seen.locked) <= KILLS / 10;
    const isAtWork = (): boolean =>
      existsSync(`${path}.lock`) && existsSync(path) && readFileSync(path, "utf8") !== before;
    const killSome = async (): Promise<void> => {
      while (goesOn()) {
        const waits = (begun += 1) % 2 === 0;
        const child = start("loop", path);
        await new Promise((done) => child.stdout?.once("data", done));
        // Every other one is killed when something was written and the next writing has begun, however slow the machine is.
        while (waits && !isAtWork()) await sleep(2);
        await sleep(Math.random() * 60);
        child.kill("SIGKILL");
        await ended(child);
        seen.killed += 1;
        const text = existsSync(path) ? readFileSync(path, "utf8") : canonicalJson(EMPTY_MANIFEST);
        const manifest = parseManifest(text, path);
        expect(checkManifest(manifest)).toEqual([]);
        expect(text).toBe(canonicalJson(manifest));
        expectWhole(manifest);
        if (text !== before) seen.written += 1;
        if (existsSync(`${path}.lock`)) seen.locked += 1;
        before = text;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, killSome));
    expect(seen.written).toBeGreaterThan(KILLS / 10);
    expect(seen.locked).toBeGreaterThan(KILLS / 10);
    const last = readFileSync(path, "utf8");
    expect(await ended(start("record", path, "after", "1"))).toBe(0);
    const after = parseManifest(readFileSync(path, "utf8"), path);
    const previous = parseManifest(last, path);
    expect(after.versions).toMatchObject({ ...previous.versions, "after@0.0.0-1": { status: "verified" } });
    expect(readdirSync(join(folder, "killed"))).toEqual(["manifest.json"]);
  }, 300_000);

  it("passes over the lock of a process that is gone", async () => {
    const path = join(folder, "stale/manifest.json");
    expect(await ended(start("record", path, "a", "1"))).toBe(0);
    writeFileSync(
      `${path}.lock`,
      JSON.stringify({
        ...thisProcess(),
        pid: 2 ** 22 - 1,
        host: "here",
        since: new Date().toISOString(),
        token: "gone",
        run: "r",
      }),
    );
    expect(await ended(start("record", path, "b", "1"))).toBe(0);
    expect(Object.keys(parseManifest(readFileSync(path, "utf8"), path).versions)).toHaveLength(2);
  }, 30_000);
});
