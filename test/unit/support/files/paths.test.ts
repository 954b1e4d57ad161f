import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Failure } from "../../../../src/support/errors";
import { findRoot } from "../../../../src/support/files/paths";

const folder = mkdtempSync(join(tmpdir(), "find-root-"));
const project = join(folder, "project");
const deep = join(project, "templates/debian/files");
mkdirSync(deep, { recursive: true });
mkdirSync(join(folder, "released/dockerfiles"), { recursive: true });
mkdirSync(join(folder, "empty"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the root", () => {
  it("is the nearest folder upwards that has templates/", () => {
    for (const from of [project, join(project, "templates"), join(project, "templates/debian"), deep])
      expect(findRoot(from, undefined)).toBe(project);
  });

  it("is what --root names, relative to the working directory", () => {
    expect(findRoot(folder, "project")).toBe(project);
    expect(findRoot("/", join(folder, "released"))).toBe(join(folder, "released"));
  });

  it("is not called empty where it cannot be read", () => {
    symlinkSync("loop", join(folder, "loop"));
    expect(() => findRoot(folder, "loop")).toThrow(/ELOOP/u);
  });

  it.each([
    ["the working directory", join(folder, "empty"), undefined],
    ["the folder of --root", folder, "empty"],
    ["no folder at all", folder, "none"],
  ])("is refused with exit 2 if there is none: %s", (_what, from, given) => {
    let found: unknown;
    try {
      findRoot(from, given);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(Failure);
    expect(found).toMatchObject({
      code: "NO_PROJECT",
      kind: "usage",
      hint: expect.stringContaining("init") as string,
    });
    expect((found as Failure).message).toContain("templates/");
  });
});
