import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandLine, promptScript } from "../../../../src/sandbox/commands/shell";
import { quoted } from "../../../../src/support/text/quoted";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mesa-shell-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the command line", () => {
  it.each(["a b", "it's", '"$HOME" `id` \\', "ü\n", ""])("passes %j on unchanged", (word) => {
    const line = commandLine(["printf", "%s", word], folder, join(folder, "run"));
    expect(spawnSync("sh", ["-c", line]).status).toBe(0);
    expect(readFileSync(join(folder, "run/out"), "utf8")).toBe(word);
  });

  it.each([
    [["sh", "-c", "exit 7"], 7],
    [["sh", "-c", "kill -KILL $$"], 137],
    [["no-such-program"], 127],
  ])("ends as the command does: %j", (argv, code) => {
    expect(spawnSync("sh", ["-c", commandLine(argv, folder, join(folder, "run"))]).status).toBe(code);
  });

  it("tells of a folder that is not there where the command would have spoken", () => {
    const line = commandLine(["true"], join(folder, "nowhere"), join(folder, "run"));
    expect(spawnSync("sh", ["-c", line]).status).not.toBe(0);
    expect(readFileSync(join(folder, "run/err"), "utf8")).toMatch(/nowhere/u);
  });

  it("quotes only what needs it", () => {
    expect(["plain-1.0/x", "a b", "it's"].map(quoted)).toEqual(["plain-1.0/x", "'a b'", `'it'\\''s'`]);
  });
});

describe("a line at a prompt", () => {
  const type = (line: string): { readonly code: number | null; readonly said: string } => {
    const script = promptScript(line, join(folder, "memory"));
    const ran = spawnSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" });
    return { code: ran.status, said: ran.stdout + ran.stderr };
  };

  it("starts in the previous line's folder, with its exported variables", () => {
    mkdirSync(join(folder, "a b"));
    expect(type(`cd 'a b' && export A="it's ü"`)).toEqual({ code: 0, said: "" });
    expect(type('echo "$A"; basename "$PWD"')).toEqual({ code: 0, said: "it's ü\na b\n" });
  });

  it("keeps them when it fails or leaves", () => {
    mkdirSync(join(folder, "sub"));
    expect(type("cd sub; false").code).toBe(1);
    expect(type("export B=2; exit 9").code).toBe(9);
    expect(type('basename "$PWD"; echo $B').said).toBe("sub\n2\n");
  });

  it("stays where it can when its folder is gone", () => {
    mkdirSync(join(folder, "gone"));
    type("cd gone");
    rmSync(join(folder, "gone"), { recursive: true });
    expect(type("pwd")).toEqual({ code: 0, said: `${folder}\n` });
  });
});
