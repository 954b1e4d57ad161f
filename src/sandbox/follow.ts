import type { SandboxInstance } from "@blaxel/core";
import { waitForAnswer } from "../blaxel/answering";
import { blaxelCore } from "../blaxel/core";
import { sandboxHeaders } from "../blaxel/credentials-headers";
import { reasonOf } from "../blaxel/sandboxes";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { execScript } from "./exec";
import { commandLine } from "./shell";
import { tailOf } from "./tail";

/** How often a running command is looked at, in ms: soon again after it said something, less often when it is silent. */
const LOOK_MS = { soonest: 100, latest: 1_000, growth: 1.3 };
/** The sandbox may be out of reach this long (standby, gateway errors) before the run is given up, in ms. */
const PATIENCE_MS = 60_000;
/** After this long without an answer the platform is asked whether the sandbox is there at all, in ms. */
const ASK_AFTER_MS = 2_000;
/** What an interrupted command is told, and how long it is given after each, in ms. */
const ENDINGS = [
  ["INT", 5_000],
  ["TERM", 2_000],
  ["KILL", 1_000],
] as const;

export interface CommandRun {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => void;
}

function died(sandbox: SandboxInstance, what: string, cause: unknown): Failure {
  return new Failure({
    code: "SANDBOX_DIED",
    kind: "deploy",
    message: `The sandbox ${sandbox.metadata.name} ${what}: ${reasonOf(cause)}`,
    hint: "It may have run out of memory or been deleted; see bl logs sandbox NAME. Files closed before that have reached Mesa.",
    cause,
  });
}

/** Whether the platform reports that the sandbox does not exist, or no longer does. */
async function isGone(host: Host, sandbox: SandboxInstance): Promise<boolean> {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  return Instance.get(sandbox.metadata.name).then(
    ({ status }) => status === "TERMINATED" || status === "DELETING" || status === "FAILED",
    (error: unknown) => /\b404\b|not found/iu.test(reasonOf(error)),
  );
}

/** A sandbox that wakes up from standby answers at once, one that comes out of an archive takes its time, in ms. */
const WAKE_LIMIT_MS = 180_000;

/** Waits until a sandbox that may have been in standby, or archived, answers. @throws Failure SANDBOX_DIED */
export async function awake(host: Host, sandbox: SandboxInstance): Promise<void> {
  const until = host.clock.now() + WAKE_LIMIT_MS;
  for (;;) {
    const wait = { until: host.clock.now() + ASK_AFTER_MS, pollMs: LOOK_MS.soonest };
    const answer = await waitForAnswer(host, sandbox.metadata.url ?? "", wait);
    if (answer.answers) return;
    if (host.clock.now() > until || (await isGone(host, sandbox)))
      throw died(sandbox, "does not answer", answer.seen);
  }
}

/** A command that was started in a sandbox. */
interface Started {
  readonly name: string;
  /** Of the process group. */
  readonly pid: string;
  /** Hands over what was said since the last time; whether that was anything. */
  readonly drain: () => Promise<boolean>;
}

async function start(
  host: Host,
  sandbox: SandboxInstance,
  run: CommandRun,
  folder: string,
): Promise<Started> {
  const name = `run-${host.runId}`;
  const command = commandLine(run.argv, run.cwd, folder);
  const base = (sandbox.metadata.url ?? "").replace(/\/$/u, "");
  try {
    const { pid } = await sandbox.process.exec({
      name,
      command,
      env: { ...run.env },
      waitForCompletion: false,
    });
    const headers = await sandboxHeaders(host);
    const tails = (["out", "err"] as const).map((file) => tailOf(host, base, headers, `${folder}/${file}`));
    const drain = async (): Promise<boolean> => {
      const pieces = await Promise.all(tails.map((tail) => tail()));
      for (const [index, piece] of pieces.entries())
        if (piece.length > 0) run.onOutput(index === 0 ? "stdout" : "stderr", piece);
      return pieces.some((piece) => piece.length > 0);
    };
    return { name, pid, drain };
  } catch (error) {
    throw died(sandbox, "did not accept the command", error);
  }
}

/** Follows a command until it ends; as long as the signal lets it. @returns its exit code @throws Failure SANDBOX_DIED; the signal's reason */
async function untilEnded(
  host: Host,
  sandbox: SandboxInstance,
  { name, drain }: Started,
  signal: AbortSignal,
): Promise<number> {
  let lastAnswer = host.clock.now();
  let pause = LOOK_MS.soonest;
  for (;;) {
    signal.throwIfAborted();
    try {
      const state = await sandbox.process.get(name);
      const saidSomething = await drain();
      lastAnswer = host.clock.now();
      if (state.status !== "running") {
        while (await drain());
        return state.exitCode;
      }
      pause = saidSomething ? LOOK_MS.soonest : Math.min(pause * LOOK_MS.growth, LOOK_MS.latest);
    } catch (error) {
      signal.throwIfAborted();
      // The API answers, and knows nothing of it: the sandbox was started anew, as out of an archive.
      if (/process not found/iu.test(reasonOf(error)))
        throw died(sandbox, "was restarted while the command ran, which ended it", error);
      const silent = host.clock.now() - lastAnswer;
      if (silent > PATIENCE_MS || (silent > ASK_AFTER_MS && (await isGone(host, sandbox))))
        throw died(sandbox, "stopped answering while the command ran", error);
    }
    await host.clock.sleep(pause, signal);
  }
}

/** Ends a command as Ctrl-C in a terminal does: the whole group is told, and given time to say its last words. */
async function interrupt(host: Host, sandbox: SandboxInstance, started: Started): Promise<void> {
  for (const [signal, ms] of ENDINGS) {
    try {
      await execScript(sandbox, `kill -${signal} -${started.pid}`);
      await untilEnded(host, sandbox, started, AbortSignal.timeout(ms));
      return;
    } catch {
      // It does not end, or the sandbox does not answer; in the end the sandbox itself is deleted.
    }
  }
}

/**
 * Runs a command in the background and follows its two outputs byte for byte until it ends; longer than any single request
 * may take. An abort interrupts it.
 * @returns its exit code; 128 + n when it was ended by signal n
 * @throws Failure SANDBOX_DIED (exit 7); the signal's reason when it is aborted
 */
export async function runAndFollow(host: Host, sandbox: SandboxInstance, run: CommandRun): Promise<number> {
  const folder = `/tmp/mesa-run-${host.runId}`;
  const started = await start(host, sandbox, run, folder);
  try {
    return await untilEnded(host, sandbox, started, host.signal);
  } catch (error) {
    if (host.signal.aborted) await interrupt(host, sandbox, started);
    throw error;
  } finally {
    // Only room in the sandbox is at stake, which may be gone.
    await sandbox.fs.rm(folder, true).catch(() => undefined);
  }
}
