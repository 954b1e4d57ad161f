import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readIfPresent, textNow, writeOutput } from "../../../../src/support/files/files";
import { refuseLinks, refuseLinksIn } from "../../../../src/support/files/links";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "links-"));
  mkdirSync(join(folder, "root/a/b"), { recursive: true });
  mkdirSync(join(folder, "victim"));
  writeFileSync(join(folder, "victim/file"), "theirs");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});
const root = (path = ""): string => join(folder, "root", path);

describe("links below the root", () => {
  it("are refused anywhere in the path, and named", async () => {
    symlinkSync("../../victim", root("a/link"));
    for (const path of ["a/link", "a/link/file", "a/link/new/deep"])
      await expect(refuseLinks(root(), root(path))).rejects.toMatchObject({
        code: "LINK_REFUSED",
        kind: "usage",
        message: expect.stringContaining(root("a/link")) as string,
      });
    symlinkSync(join(folder, "nowhere"), root("dangling"));
    await expect(refuseLinks(root(), root("dangling"))).rejects.toMatchObject({ code: "LINK_REFUSED" });
  });

  it("above the root, and parts that do not exist, are fine", async () => {
    symlinkSync("root", join(folder, "alias"));
    await refuseLinks(join(folder, "alias"), join(folder, "alias/a/b/new/file"));
    await refuseLinks(root(), root("not/there"));
  });

  it("are found in a folder down to a depth", async () => {
    symlinkSync("../../../victim", root("a/b/link"));
    await expect(refuseLinksIn(root(), root("a"), 2)).rejects.toMatchObject({ code: "LINK_REFUSED" });
    await refuseLinksIn(root(), root("a"), 1);
    await refuseLinksIn(root(), root("absent"), 3);
  });
});

describe("what is no regular file", () => {
  it("is refused before it is read: a pipe without a writer does not block, a device does not run on", async () => {
    execFileSync("mkfifo", [root("pipe")]);
    await expect(readIfPresent(root("pipe"))).rejects.toMatchObject({ code: "NOT_A_FILE", kind: "usage" });
    await expect(readIfPresent("/dev/zero")).rejects.toMatchObject({ code: "NOT_A_FILE" });
    await expect(readIfPresent(root("a"))).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readIfPresent(root("absent"))).toBeUndefined();
    expect([root("pipe"), "/dev/zero", root("a"), root("absent")].map(textNow)).toEqual(
      Array(4).fill(undefined),
    );
    expect(readdirSync(join(folder, "victim"))).toEqual(["file"]);
    expect(existsSync(root("absent"))).toBe(false);
  });

  it("a file larger than any that belongs here is refused before it is read", async () => {
    await writeFile(root("large.json"), "");
    await truncate(root("large.json"), 300_000_000);
    const reading = readIfPresent(root("large.json"));
    await expect(reading).rejects.toMatchObject({ code: "FILE_TOO_LARGE", kind: "usage" });
    await expect(reading).rejects.toThrow("large.json has 300 MB; no file that is read here is that large.");
  });

  it("gets the output that a user sends there, and is not replaced; a link is followed", async () => {
    execFileSync("mkfifo", [root("pipe")]);
    await expect(writeOutput(root("pipe"), "text")).rejects.toMatchObject({
      code: "WRITE_FAILED",
      message: expect.stringContaining("nobody reads this pipe") as string,
    });
    const [read] = await Promise.all([readFile(root("pipe"), "utf8"), writeOutput(root("pipe"), "text")]);
    expect(read).toBe("text");
    symlinkSync("../../victim/file", root("a/link"));
    await writeOutput(root("a/link"), "new");
    await writeOutput(root("a/plain"), "plain");
    expect(readFileSync(join(folder, "victim/file"), "utf8")).toBe("new");
    await expect(writeOutput(root("a/b"), "x")).rejects.toMatchObject({
      code: "WRITE_FAILED",
      kind: "usage",
    });
    expect(readdirSync(root("a"))).toEqual(["b", "link", "plain"]);
  });
});
