import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { markText, thisProcess } from "../../../../src/support/processes/alive";
import { makeTemporaryFolder, removeLeftFiles, writeAtomically } from "../../../../src/support/files/files";

const parent = mkdtempSync(join(tmpdir(), "session-folder-"));
const own = thisProcess();
const folderOf = (mark: typeof own, end = "abc123"): string => `mesa-template-bl-${markText(mark)}-${end}`;
/** The mark of a process that has ended. */
let ended: typeof own;

beforeAll(() => {
  ended = { ...own, pid: spawnSync(process.execPath, ["-e", ""]).pid };
});
afterAll(() => {
  rmSync(parent, { recursive: true });
});

it("clears what ended processes of this machine left, and nothing else", async () => {
  const stale = [
    folderOf(ended),
    folderOf({ ...own, started: "17" }),
    `mesa-template-core-${markText(ended)}-x`,
  ];
  const others = [
    folderOf(own),
    folderOf({ ...ended, space: "0123456789ab" }),
    "mesa-template-bl-abc123",
    "somebody-elses",
    `somebody-elses-${markText(ended)}-abc123`,
  ];
  for (const name of [...stale, ...others]) {
    mkdirSync(join(parent, name, "tmp"), { recursive: true });
    writeFileSync(join(parent, name, "tmp/upload.zip"), "x");
  }
  const link = folderOf(ended, "link00");
  symlinkSync(join(parent, "somebody-elses"), join(parent, link));
  const made = basename(await makeTemporaryFolder("bl", parent));
  expect(made).toContain(markText(own));
  expect(readdirSync(parent).sort()).toEqual([made, link, ...others].sort());
});

it("several at the same time get one each", async () => {
  mkdirSync(join(parent, folderOf(ended, "abc124")));
  const folders = await Promise.all(Array.from({ length: 10 }, () => makeTemporaryFolder("bl", parent)));
  expect(new Set(folders).size).toBe(10);
});

it("clears half-written files of ended processes: beside what is written, and below a folder; no link is followed", async () => {
  const root = mkdtempSync(join(parent, "root-"));
  const temporary = (mark: typeof own): string => `.lock.json.${markText(mark)}.0123456789ab.tmp`;
  for (const folder of ["cache", "cache/deep", "elsewhere"]) {
    mkdirSync(join(root, folder));
    for (const mark of [own, ended]) writeFileSync(join(root, folder, temporary(mark)), "half");
  }
  writeFileSync(join(root, "cache/notes.tmp"), "a person's");
  symlinkSync(join(root, "elsewhere"), join(root, "cache/link"));
  await writeAtomically(join(root, "cache/lock.json"), "whole");
  expect(readdirSync(join(root, "cache")).sort()).toEqual([
    temporary(own),
    "deep",
    "link",
    "lock.json",
    "notes.tmp",
  ]);
  await removeLeftFiles(join(root, "cache"), Infinity);
  expect(readdirSync(join(root, "cache/deep"))).toEqual([temporary(own)]);
  expect(readdirSync(join(root, "elsewhere"))).toHaveLength(2);
});
