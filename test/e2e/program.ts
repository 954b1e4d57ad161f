import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const REPOSITORY = resolve(import.meta.dirname, "../..");
export const PROGRAM = join(REPOSITORY, "dist/mesa-template.js");

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON document on stdout; throws when there is not exactly one. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller says what it expects to read
  json<T = Record<string, unknown>>(): T;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Called with the running program's pid and what it has said on stderr so far, each time it says something. */
  readonly onStderr?: (text: string, pid: number) => void;
  readonly timeoutMs?: number;
}

function parseAs(text: string): Ran["json"] {
  return () => JSON.parse(text) as never;
}

const started = new Set<number>();

/** Containers ("ps", "-a") or networks ("network", "ls") on the engine that runs of this test file made: by their process's mark. */
export function madeOnEngine(...list: readonly string[]): readonly string[] {
  const format = '{{.ID}} {{.Label "mesa-template.process"}}';
  const text = execFileSync("docker", [...list, "--format", format], { encoding: "utf8" });
  return text.split("\n").filter((line) => {
    const [, pid] = /^\S+ [^-]+-(\d+)-/u.exec(line) ?? [];
    return pid !== undefined && started.has(Number(pid));
  });
}

/** Runs the built program as a user would, without a terminal. */
export function mesaTemplate(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((done, fail) => {
    const env = Object.fromEntries(
      Object.entries({ ...process.env, ...options.env }).filter(
        ([name, value]) => value !== undefined && name !== "VITEST",
      ),
    ) as Record<string, string>;
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env,
      cwd: options.cwd ?? REPOSITORY,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid !== undefined) started.add(child.pid);
    let [stdout, stderr] = ["", ""];
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
    }, options.timeoutMs ?? 180_000);
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
      options.onStderr?.(stderr, child.pid ?? 0);
    });
    child.on("error", fail);
    child.on("close", (code) => {
      clearTimeout(limit);
      done({ code, stdout, stderr, json: parseAs(stdout) });
    });
  });
}

export interface OnTerminal {
  readonly code: number | null;
  /** What the terminal was sent, control sequences included. */
  readonly screen: string;
  /** Its temporary files, and processes that still have its folder for them in their environment. */
  readonly left: readonly string[];
}

/** Runs the built program on a terminal of its own (util-linux's script) and presses Ctrl-C once its screen or its events show `when`. */
export async function withCtrlC(args: readonly string[], when: RegExp): Promise<OnTerminal> {
  const folder = mkdtempSync(join(tmpdir(), "terminal-"));
  const temporary = mkdtempSync(join(folder, "tmp-"));
  const [pid, events] = [join(folder, "pid"), join(folder, "events")];
  const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", `echo $$ >'${pid}'; exec ${words}`, "/dev/null"], {
    env: {
      ...process.env,
      VITEST: undefined,
      CI: undefined,
      NO_COLOR: undefined,
      TERM: "xterm",
      TMPDIR: temporary,
      MESA_TEMPLATE_EVENTS: events,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let screen = "";
  child.stdout.on("data", (chunk: Buffer) => (screen += chunk.toString("utf8")));
  const watching = setInterval(() => {
    if (!when.test(screen + (existsSync(events) ? readFileSync(events, "utf8") : ""))) return;
    clearInterval(watching);
    started.add(Number(readFileSync(pid, "utf8")));
    child.stdin.write("\u0003");
  }, 10);
  const limit = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const code = await new Promise<number | null>((done) => child.once("close", done));
  clearInterval(watching);
  clearTimeout(limit);
  const left = [...readdirSync(temporary), ...processesWith(`TMPDIR=${temporary}`)];
  rmSync(folder, { recursive: true, force: true });
  return { code, screen, left };
}

/** Command lines of the processes that have this variable in their environment. */
function processesWith(variable: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const its = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return its.includes(variable)
        ? [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")]
        : [];
    } catch {
      return [];
    }
  });
}

/** Copies the templates into a root. */
export function copyTemplates(root: string): void {
  cpSync(join(REPOSITORY, "templates"), join(root, "templates"), { recursive: true });
}

/** A root of a test's own with a copy of the templates. */
export function temporaryRoot(): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-test-"));
  copyTemplates(root);
  return {
    root,
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}
