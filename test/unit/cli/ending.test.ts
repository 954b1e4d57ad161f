import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildInto, bundle, workFolder } from "./fixture/built";
import { writeProject } from "./fixture/project";

const folder = mkdtempSync(join(tmpdir(), "mesa-template-ending-"));
const PROGRAM = join(folder, "waits-for-a-signal.mjs");
const NODE = `"${process.execPath}" "${PROGRAM}"`;
beforeAll(async () => {
  await bundle(join(import.meta.dirname, "fixture/waits-for-a-signal.ts"), PROGRAM);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const env = { PATH: process.env["PATH"] ?? "", HOME: folder, TERM: "xterm" };

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Runs a shell line, on a terminal or not, and acts once it has shown a text. */
async function ended(
  line: string,
  {
    pty,
    when,
    act,
  }: {
    readonly pty: boolean;
    readonly when: RegExp;
    readonly act: (pid: number, keys: (text: string) => void) => void;
  },
): Promise<Ended> {
  const [file, args] = pty ? ["script", ["-qec", line, "/dev/null"]] : ["bash", ["-c", `exec ${line}`]];
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  let [text, acted] = ["", false];
  const take = (chunk: Buffer): void => {
    text += chunk.toString("utf8");
    if (acted || !when.test(text)) return;
    acted = true;
    act(child.pid ?? 0, (keys) => child.stdin.write(keys));
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, text };
}

const SAID = /said at once/u;

describe("an interruption", () => {
  it.skipIf(spawnSync("which", ["script"]).status !== 0)(
    "by Ctrl-C on a terminal cleans up, says what was not reached and ends with 130",
    async () => {
      const { code, text } = await ended(`stty cols 0; ${NODE} wait`, {
        pty: true,
        when: SAID,
        act: (_pid, keys) => {
          keys("\u0003");
        },
      });
      expect(code, text).toBe(130);
      expect(text).toContain("interrupted by SIGINT: cleaning up");
      expect(text).toContain("cleaned up");
      expect(text).toMatch(/✔.*lock 5 ms/u);
      expect(text).toMatch(/render \d+ m?s {2}half/u);
      expect(text).toContain("smoke (not reached)");
      expect(text).toContain("not reached: debian: render, build, smoke, deploy, verify, record");
      expect(text).toContain("error: Interrupted by SIGINT.");
    },
  );

  it.skipIf(spawnSync("which", ["script"]).status !== 0)(
    "on a terminal without control sequences gets plain lines",
    async () => {
      const { text } = await ended(`env TERM=dumb ${NODE} wait`, {
        pty: true,
        when: SAID,
        act: (_pid, keys) => {
          keys("\u0003");
        },
      });
      expect(text).toContain("debian: lock done");
      expect(text).not.toContain("\u001b");
    },
  );

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("by %s in a pipe ends the same way", async (signal) => {
    const { code, text } = await ended(`${NODE} wait`, {
      pty: false,
      when: SAID,
      act: (pid) => {
        process.kill(pid, signal);
      },
    });
    expect(code, text).toBe(130);
    expect(text).toContain("cleaned up");
    expect(text).toContain("not reached: debian: render,");
  });

  it("by a reader of stdout that goes away is quiet, and cleans up too", () => {
    const errors = join(folder, "errors");
    const { stdout } = spawnSync(
      "bash",
      ["-c", `${NODE} wait --stream 2>"${errors}" | head -1; echo "\${PIPESTATUS[0]}"`],
      { env, encoding: "utf8" },
    );
    expect(stdout).toBe("output\n130\n");
    expect(readFileSync(errors, "utf8")).toContain("cleaned up");
    expect(readFileSync(errors, "utf8")).not.toMatch(/error:|EPIPE/u);
  });

  it("does not come from a stderr that goes away", () => {
    const { stdout } = spawnSync(
      "bash",
      [
        "-c",
        `{ timeout -s TERM 3 ${NODE} wait; echo "$?" >&3; } 2>&1 >/dev/null 3>"${folder}/code" | true; cat "${folder}/code"`,
      ],
      { env, encoding: "utf8" },
    );
    // 124 is timeout's own code: the program was there until it was ended.
    expect(stdout).toBe("124\n");
  });
});

describe.skipIf(spawnSync("which", ["script"]).status !== 0)("a question on a terminal", () => {
  const work = workFolder("question");
  const [root, pid, code] = ["project", "pid", "code"].map((name) => join(work.folder, name)) as [
    string,
    string,
    string,
  ];
  const asks = `"${process.execPath}" "${work.folder}/dist/mesa-template.js" promote 0.20.0 new --root "${root}"`;
  const when = /Create it\?/u;
  beforeAll(() => {
    buildInto(join(work.folder, "dist"));
    writeProject(root);
  }, 60_000);
  afterAll(work.remove);

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("ends by %s with 130", async (signal) => {
    const { code: ends, text } = await ended(`sh -c 'echo $$ >"${pid}"; exec ${asks}'`, {
      pty: true,
      when,
      act: () => {
        process.kill(Number(readFileSync(pid, "utf8")), signal);
      },
    });
    expect(ends, text).toBe(130);
    expect(text).toContain(`error: Interrupted by ${signal}.`);
  });

  it("ends with 130 when the terminal is closed", async () => {
    await ended(`sh -c 'trap : HUP; ${asks}; echo $? >"${code}"'`, {
      pty: true,
      when,
      act: (script) => {
        process.kill(script, "SIGKILL");
      },
    });
    await expect.poll(() => existsSync(code) && readFileSync(code, "utf8")).toBe("130\n");
  });
});

describe("the events file", () => {
  it.each([
    ["a full disk", "/dev/full"],
    ["a named pipe that nobody reads", "fifo"],
    ["a folder that is not there", "absent/events"],
  ])("is warned about once and left alone: %s", async (_what, name) => {
    const path = name.startsWith("/") ? name : join(folder, name);
    if (name === "fifo") execFileSync("mkfifo", [path]);
    const { code, text } = await ended(`${NODE} wait --events "${path}"`, {
      pty: false,
      when: SAID,
      act: (pid) => {
        process.kill(pid, "SIGTERM");
      },
    });
    expect(code, text).toBe(130);
    expect(text.split("cannot be written")).toHaveLength(2);
  });
});
