import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { causeOf, exitCodeOf, Failure, failureOf, isMachineError } from "../../../src/support/errors";
import { readIfPresent, withTemporaryFolder, writeAtomically } from "../../../src/support/files/files";

const folder = mkdtempSync(join(tmpdir(), "system-errors-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: as the system names it`), { code, syscall: "open", path });
}

describe("an error of the system", () => {
  it.each([
    ["EROFS", 3],
    ["ENOSPC", 3],
    ["EDQUOT", 3],
    ["EMFILE", 3],
    ["EACCES", 3],
    ["ENOENT", 3],
    ["ECONNREFUSED", 3],
    ["ENOTDIR", 2],
    ["EISDIR", 2],
    ["ERR_FS_FILE_TOO_LARGE", 2],
    ["EBADF", 1],
  ])("%s ends with exit %d", (code, exit) => {
    const error = systemError(code, "/some/file");
    expect(exitCodeOf(error)).toBe(exit);
    if (exit === 1) return;
    expect(failureOf(error)?.message).toContain("/some/file: ");
    expect(failureOf(error)?.hint).toBeDefined();
  });

  it("is one of this machine, also as the cause of a Failure; one of the network is not", () => {
    const full = new Failure({
      code: "WRITE_FAILED",
      kind: "environment",
      message: "x",
      cause: systemError("ENOSPC"),
    });
    expect(isMachineError(full)).toBe(true);
    expect(isMachineError(systemError("ECONNREFUSED"))).toBe(false);
    expect(isMachineError(new Failure({ code: "SMOKE_FAILED", kind: "smoke", message: "x" }))).toBe(false);
  });

  it("is a fault of this program if it is not a system error", () => {
    expect(failureOf(new TypeError("x is not a function"))).toBeUndefined();
    expect(exitCodeOf("thrown text")).toBe(1);
  });
});

describe("the cause of a failure", () => {
  it("is what was thrown below it, unless that has no text", () => {
    const cause = (thrown: unknown) => causeOf(new Error("outer", { cause: thrown }));
    expect(cause(new Error("a", { cause: new Error("b") }))).toBe("a: b");
    expect(cause("words")).toBe("words");
    // What @blaxel/core throws.
    expect(cause({ code: 404, error: "not found" })).toBeUndefined();
  });
});

describe("a file", () => {
  it("that is a folder, a pipe or a device is refused at once", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const path of [folder, pipe, "/dev/zero"]) {
      const error = await thrownBy(readIfPresent(path));
      expect([exitCodeOf(error), String(error)]).toEqual([2, expect.stringContaining(path)]);
    }
  });

  it("below another file cannot be written: the failure names it and says why", async () => {
    const path = join(folder, "state/locks/x");
    writeFileSync(join(folder, "state"), "a file");
    const error = await thrownBy(writeAtomically(path, "x"));
    expect(exitCodeOf(error)).toBe(2);
    expect(String(error)).toMatch(/state\/locks\/x could not be written: .*a part of the path is a file/u);
  });
});

describe("a temporary folder", () => {
  it("whose parent is missing is the environment's: TMPDIR is named", async () => {
    const missing = join(folder, "missing");
    const error = await thrownBy(withTemporaryFolder("x", () => Promise.resolve(), missing));
    expect(error).toMatchObject({ code: "NO_TEMPORARY_FOLDER", kind: "environment" });
    expect(isMachineError(error)).toBe(true);
    expect((error as Failure).hint).toContain("TMPDIR");
  });

  it("goes with the work's own error", async () => {
    const parent = join(folder, "parent");
    mkdirSync(parent);
    const error = await thrownBy(withTemporaryFolder("x", (made) => readFile(join(made, "absent")), parent));
    expect(error).toMatchObject({ code: "ENOENT" });
  });
});
