import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeSessionFolder } from "../../../src/blaxel/session-folder";

const parent = mkdtempSync(join(tmpdir(), "session-folder-"));
/** The pid of a process that has ended. */
let ended: string;

beforeAll(() => {
  ended = String(spawnSync(process.execPath, ["-e", ""]).pid);
});
afterAll(() => {
  rmSync(parent, { recursive: true });
});

it("clears what ended processes of this machine left, and nothing else", async () => {
  const stale = `mesa-template-bl-${hostname()}-${ended}-abc123`;
  const others = [
    `mesa-template-bl-${hostname()}-${String(process.pid)}-abc123`,
    `mesa-template-bl-${hostname()}-1-abc123`,
    `mesa-template-bl-another.machine-${ended}-abc123`,
    "mesa-template-bl-abc123",
    "somebody-elses",
  ];
  for (const name of [stale, ...others]) {
    mkdirSync(join(parent, name, "tmp"), { recursive: true });
    writeFileSync(join(parent, name, "tmp/upload.zip"), "x");
  }
  const link = `mesa-template-bl-${hostname()}-${ended}-link00`;
  symlinkSync(join(parent, "somebody-elses"), join(parent, link));
  const own = basename(await makeSessionFolder(parent));
  expect(own).toMatch(new RegExp(`-${String(process.pid)}-\\w{6}$`, "u"));
  expect(readdirSync(parent).sort()).toEqual([own, link, ...others].sort());
});

it("several at the same time get one each", async () => {
  mkdirSync(join(parent, `mesa-template-bl-${hostname()}-${ended}-abc124`));
  const folders = await Promise.all(Array.from({ length: 10 }, () => makeSessionFolder(parent)));
  expect(new Set(folders).size).toBe(10);
});
