import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeFolder } from "../../../../src/support/files/files";

const root = mkdtempSync(join(tmpdir(), "make-folder-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

it("makes a folder and those above it, also twice and at once", async () => {
  const path = join(root, "a/b/c");
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(`${path}/d`)]);
  await makeFolder(path);
  expect(statSync(`${path}/d`).isDirectory()).toBe(true);
});

it("takes a link to a folder for one, and no file", async () => {
  mkdirSync(join(root, "real"));
  symlinkSync("real", join(root, "link"));
  await makeFolder(join(root, "link"));
  writeFileSync(join(root, "file"), "");
  await expect(makeFolder(join(root, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(join(root, "file/x/y"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

it.skipIf(!existsSync("/proc/self"))("says at once that a place takes no folders", async () => {
  await expect(makeFolder("/proc/none/of/these")).rejects.toMatchObject({
    code: "ENOENT",
    path: "/proc/none",
  });
});
