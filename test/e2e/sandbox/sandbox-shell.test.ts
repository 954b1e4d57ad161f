import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { releasedPlace, type SandboxPlace } from "./sandbox-place";
import { state } from "../world";

const PROGRAM = resolve(import.meta.dirname, "../../../dist/mesa-template.js");
const VERSION = "0.38.0";
let place: SandboxPlace;

beforeAll(async () => {
  place = await releasedPlace([VERSION]);
}, 1_200_000);
beforeEach(() => place.begin());

interface Shell {
  /** Everything that was said so far. */
  readonly said: () => string;
  type(text: string): void;
  /** Waits until the prompt was shown that many times. */
  prompts(count: number): Promise<void>;
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
}

function opened(file: string, args: readonly string[]): Shell {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== "CI" && name !== "VITEST"),
  );
  const child = spawn(file, [...args], { env: { ...env, TERM: "xterm" }, stdio: "pipe" });
  let text = "";
  const hear = (chunk: Buffer): void => {
    text += chunk.toString("utf8");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return {
    child,
    said: () => text,
    type: (line) => child.stdin.write(line),
    async prompts(count) {
      await expect
        .poll(() => text.split("mesa> ").length - 1, { timeout: 60_000 })
        .toBeGreaterThanOrEqual(count);
    },
    ended: new Promise((done) => child.on("close", done)),
  };
}

const arguments_ = (...more: readonly string[]): readonly string[] => {
  const which = ["--template", "debian", "--repo", "acme/demo", "--write", "--root", place.root];
  return [PROGRAM, "sandbox", "shell", VERSION, ...which, ...more];
};

describe("sandbox shell", () => {
  it("takes lines from a pipe, keeps folder and variables, and ends as the last one did", async () => {
    const shell = opened(process.execPath, arguments_("--env", "GIVEN=here"));
    shell.type("mkdir -p piped && cd piped && export A='x y'\n");
    shell.type('echo "$A $GIVEN" > said.txt; basename "$PWD"\n(exit 5)\n');
    shell.child.stdin?.end();
    expect(await shell.ended, shell.said()).toBe(5);
    expect(shell.said()).toMatch(/^(mesa> )*piped$/mu);
    // Node 24 refuses a prompt after the pipe's end, while its lines are still to come.
    expect(shell.said().match(/mesa> /gu)).toHaveLength(1);
    const demo = (await state()).repos.find((repo) => repo.name === "demo");
    expect(demo?.files["piped/said.txt"]).toBe("x y here\n");
    await place.expectClean();
  });

  it("ends at the prompt on a signal, although the pipe stays silent", async () => {
    const shell = opened(process.execPath, arguments_());
    await shell.prompts(1);
    shell.child.kill("SIGTERM");
    expect(await shell.ended, shell.said()).toBe(130);
    await place.expectClean();
  });

  it.skipIf(spawnSync("script", ["--version"]).error !== undefined)(
    "on a terminal, Ctrl-C ends the command and not the shell",
    async () => {
      const command = [process.execPath, ...arguments_()].map((word) => `'${word}'`).join(" ");
      const shell = opened("script", ["-qfec", command, "/dev/null"]);
      await shell.prompts(1);
      shell.type("begun && \x03");
      await expect.poll(shell.said).toContain("^C");
      shell.type("echo be'gun'; sleep 100\r");
      await expect.poll(shell.said, { timeout: 20_000 }).toMatch(/^begun/mu);
      const before = shell.said().split("mesa> ").length - 1;
      shell.type("\x03");
      await shell.prompts(before + 1);
      shell.type("exit\r");
      expect(await shell.ended, shell.said()).toBe(130);
      await place.expectClean();
    },
  );
});
