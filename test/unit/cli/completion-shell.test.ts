import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { entryOf, manifestOf } from "../manifest/fixture";
import { buildInto, workFolder } from "./fixture/built";

const work = workFolder("completion");
const bin = join(work.folder, "bin");
const root = join(work.folder, "root with space");
const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: work.folder, TERM: "dumb" };

beforeAll(() => {
  buildInto(join(work.folder, "dist"));
  mkdirSync(bin);
  writeFileSync(
    join(bin, "mesa-template"),
    `#!/bin/sh\nexec "${process.execPath}" "${join(work.folder, "dist/mesa-template.js")}" "$@"\n`,
  );
  chmodSync(join(bin, "mesa-template"), 0o755);
  for (const name of ["templates/debian", "dockerfiles"]) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, "templates/debian/template.toml"), "");
  const manifest = manifestOf(entryOf("debian", "0.20.0"), entryOf("debian", "0.26.0"));
  writeFileSync(
    join(root, "dockerfiles/manifest.json"),
    canonicalJson({ ...manifest, channels: { debian: { stable: "debian@0.26.0-1" } } }),
  );
  writeFileSync(join(root, "a-file.json"), "");
}, 60_000);
afterAll(work.remove);

/** The README's alias, where no program of that name is on PATH. */
const ALIAS = `alias mesa-template="${process.execPath} ${join(work.folder, "dist/mesa-template.js")}"`;
const ALIAS_ENV = { ...env, PATH: process.env["PATH"] };

const has = (program: string): boolean => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** What stands on the command line of an interactive bash, on a terminal of its own, after these keys. */
function typed(keys: string, alias = ""): string {
  // The command line is not run: Ctrl-A, then "echo" before it in single quotes shows what TAB made of it.
  const input = `${alias}\neval "$(mesa-template completion bash)"\n${keys}'\u0001printf '<%s>\\n' '\n exit\n`;
  const shell = spawnSync("script", ["-qec", "bash --norc --noprofile -i", "/dev/null"], {
    cwd: root,
    env: { ...(alias === "" ? env : ALIAS_ENV), PS1: "$ ", INPUTRC: "/dev/null" },
    input,
    encoding: "utf8",
    timeout: 20_000,
  });
  return /^<(.*)>\r?$/mu.exec(shell.stdout)?.[1] ?? shell.stdout + shell.stderr;
}

describe.skipIf(!has("script"))("bash, with the keys pressed", () => {
  it.each([
    ["mesa-template rele\t", "mesa-template release "],
    ["mesa-template sandbox boot\t", "mesa-template sandbox bootstrap "],
    ["mesa-template release 0.26\t", "mesa-template release 0.26.0 "],
    ["mesa-template show debian@0.2\t", "mesa-template show debian@0.2"],
    ["mesa-template show debian@0.26\t", "mesa-template show debian@0.26.0-1 "],
    ["mesa-template resolve sta\t", "mesa-template resolve stable "],
    ["mesa-template release --publish pu\t", "mesa-template release --publish push "],
    ["mesa-template promote 0.26.0 sta\t", "mesa-template promote 0.26.0 stable "],
    ["mesa-template list --tem\tdeb\t", "mesa-template list --template debian "],
    ["mesa-template manifest merge a-f\t", "mesa-template manifest merge a-file.json "],
    ["mesa-template release --no-ver\t", "mesa-template release --no-verify "],
    ["mesa-template sandbox run stable -- ls --templ\t", "mesa-template sandbox run stable -- ls --templ"],
    ["mesa-template nonsense x\t", "mesa-template nonsense x"],
  ])("%j", (keys, line) => {
    expect(typed(keys)).toBe(line);
  });

  it("completes the README's alias", () => {
    expect(typed("mesa-template promote 0.26.0 sta\t", ALIAS)).toBe("mesa-template promote 0.26.0 stable ");
  });
});

describe("the scripts", () => {
  it("are made for the shell that runs, unless one is named", () => {
    const script = (shell: string, ...args: string[]): string =>
      execFileSync("mesa-template", ["completion", ...args], {
        env: { ...env, SHELL: shell },
        encoding: "utf8",
      });
    expect(script("/bin/bash")).toContain("-F _mesa_template mesa-template");
    expect(script("/bin/bash", "zsh")).toMatch(/^#compdef mesa-template/u);
  });

  it("is wrong usage for an unsupported shell", () => {
    const ran = spawnSync("mesa-template", ["completion", "tcsh"], { env, encoding: "utf8" });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain("bash, zsh");
  });

  it.skipIf(!has("zsh")).each([
    ["the program", "", env],
    ["the README's alias", ALIAS, ALIAS_ENV],
  ])("completes %s in zsh", (_, alias, environment) => {
    const script = `autoload -Uz compinit; compinit -u -D; ${alias}
      eval 'eval "$(mesa-template completion zsh)"'
      _describe() { print -l -- "\${(@P)2}" }; words=(mesa-template show debian@0.26); CURRENT=3; _mesa_template`;
    const ran = spawnSync("zsh", ["-fc", script], { cwd: root, env: environment, encoding: "utf8" });
    expect(ran.stdout.trim(), ran.stderr).toBe("debian@0.26.0-1");
  });
});
