import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseLock, sealed, writeLock } from "../../../src/lock/index";
import { REPOSITORY, workFolder } from "./fixture/built";
import { runMain } from "./fixture/run-main";

describe("render, where template.toml names another base image than the lock", () => {
  const { folder: root, remove } = workFolder("render");
  afterAll(remove);
  const folder = join(root, "dockerfiles/debian/0.20.0");
  mkdirSync(folder, { recursive: true });
  cpSync(join(REPOSITORY, "templates"), join(root, "templates"), { recursive: true });
  const golden = join(REPOSITORY, "test/golden/debian/0.20.0/lock.json");
  beforeAll(() =>
    writeLock(join(folder, "lock.json"), sealed(parseLock(readFileSync(golden, "utf8"), golden))),
  );
  const toml = join(root, "templates/debian/template.toml");
  writeFileSync(toml, readFileSync(toml, "utf8").replace("debian:bookworm-slim", "debian:trixie-slim"));
  const render = (...args: readonly string[]) =>
    runMain(["render", "--root", root, "--template", "debian", ...args]);

  it("warns, and renders what is locked", async () => {
    const { code, stderr } = await render("0.20.0");
    expect(code).toBe(0);
    expect(stderr).toMatch(/warning: debian: .*bookworm-slim, but should be \S*trixie-slim.* lock 0\.20\.0/u);
    expect(readFileSync(join(folder, "Dockerfile"), "utf8")).toContain("debian:bookworm-slim@sha256:");
  });

  it("with --check takes a folder that is what its lock renders", async () => {
    await render("0.20.0");
    const stdout = `debian  up to date  ${folder}\n`;
    expect(await render("--check")).toMatchObject({ code: 0, stderr: "", stdout });
  });

  it("shows some of many files that differ", async () => {
    const files = join(root, "templates/debian/files");
    mkdirSync(files);
    for (let at = 100; at < 150; at += 1) writeFileSync(join(files, String(at)), "");
    const { code, stdout } = await render("--check");
    expect([code, stdout]).toEqual([
      9,
      expect.stringMatching(/^debian {2}would change {2}\/.* and 30 more\)\n$/u),
    ]);
  });
});
