import type { SandboxInstance } from "@blaxel/core";
import { waitForAnswer } from "../../blaxel/answering";
import { blaxelCore } from "../../blaxel/core";
import { sandboxHeaders, throughEdge } from "../../blaxel/control-plane";
import { isMissing, reasonOf } from "../../blaxel/sandboxes";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import { withTimeLimit } from "../../support/processes/time-limit";
import { within } from "../../support/processes/within";
import { commandLine } from "./shell";

/** Interval of polling a running command, in ms: short after output, longer in silence. */
const POLL_MS = { soonest: 100, latest: 1_000, growth: 1.3 };
/** How long the sandbox may be unreachable (standby, gateway errors) before the run fails, in ms. */
const PATIENCE_MS = 60_000;
/** After this time without an answer the platform is asked whether the sandbox still exists, in ms. */
const ASK_AFTER_MS = 2_000;
/** Limit of an answer about a command, in ms; when it is interrupted or over, nobody waits longer for a sandbox that hangs. */
const ANSWER_LIMIT_MS = 30_000;
const LAST_ANSWER_LIMIT_MS = 3_000;
/** Signals for an interrupted command, and the time after each, in ms. */
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

/** Whether the platform reports that the sandbox does not exist. */
async function isGone(host: Host, sandbox: SandboxInstance): Promise<boolean> {
  const { SandboxInstance: Instance } = await blaxelCore(host);
  return Instance.get(sandbox.metadata.name).then(
    ({ status }) => status === "TERMINATED" || status === "DELETING" || status === "FAILED",
    isMissing,
  );
}

/** Time limit for waking up, in ms: after standby a sandbox responds at once, from an archive slowly. */
const WAKE_LIMIT_MS = 180_000;

/** Waits until a sandbox in standby or archived responds. @throws Failure SANDBOX_DIED */
export async function awake(host: Host, sandbox: SandboxInstance): Promise<void> {
  const until = host.clock.now() + WAKE_LIMIT_MS;
  for (;;) {
    const wait = { until: host.clock.now() + ASK_AFTER_MS, pollMs: POLL_MS.soonest };
    const last = await waitForAnswer(host, sandbox.metadata.url ?? "", wait);
    if (last === undefined) return;
    if (host.clock.now() > until || (await isGone(host, sandbox)))
      throw died(sandbox, "is not responding", last);
  }
}

/** Bytes per request: below the edge's limit (5 MB). */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * @param ask fetches through the edge
 * @param base the sandbox API's address, without trailing slash
 * @returns what delivers a file of a sandbox from the last position on, up to PIECE_BYTES, and returns whether there was anything new
 */
function tailOf(
  ask: Host["fetch"],
  base: string,
  path: string,
  deliver: (data: Uint8Array) => void,
): Started["drain"] {
  let offset = 0;
  return async (signal) => {
    const range = `bytes=${String(offset)}-${String(offset + PIECE_BYTES - 1)}`;
    const response = await ask(`${base}/filesystem/${encodeURIComponent(path)}?download=true`, {
      headers: { Accept: "application/octet-stream", Range: range },
      signal,
    });
    if (response.status === 416 || response.status === 404) {
      await response.body?.cancel();
      return false;
    }
    if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
    const data = new Uint8Array(await response.arrayBuffer());
    // A server without range support sends the whole file with 200.
    const fresh = response.status === 206 ? data : data.subarray(Math.min(offset, data.length));
    offset += fresh.length;
    if (fresh.length > 0) deliver(fresh);
    return fresh.length > 0;
  };
}

/** A command running in a sandbox. */
interface Started {
  readonly name: string;
  /** Of the process group. */
  readonly pid: string;
  /** Delivers new output; returns whether there was any. */
  readonly drain: (signal: AbortSignal) => Promise<boolean>;
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
    const accepted = sandbox.process.exec({ name, command, env: { ...run.env }, waitForCompletion: false });
    const { pid } = await within(host.clock, accepted, ANSWER_LIMIT_MS);
    const ask = throughEdge(host, await sandboxHeaders(host));
    const tail = (stream: "stdout" | "stderr"): Started["drain"] =>
      tailOf(ask, base, `${folder}/${stream.slice(3)}`, (data) => {
        run.onOutput(stream, data);
      });
    const [out, err] = [tail("stdout"), tail("stderr")];
    // One after the other: where one fails, nothing of the other is lost.
    const drain: Started["drain"] = (stop) =>
      withTimeLimit(ANSWER_LIMIT_MS, stop, async (signal) => {
        const saidSomething = await out(signal);
        return (await err(signal)) || saidSomething;
      });
    return { name, pid, drain };
  } catch (error) {
    throw died(sandbox, "did not accept the command", error);
  }
}

/** Follows a command until it ends or the signal is aborted. @returns its exit code @throws Failure SANDBOX_DIED; the signal's reason */
async function untilEnded(
  host: Host,
  sandbox: SandboxInstance,
  { name, drain }: Started,
  signal: AbortSignal,
): Promise<number> {
  let lastAnswer = host.clock.now();
  let pause = POLL_MS.soonest;
  for (;;) {
    signal.throwIfAborted();
    try {
      const state = await within(host.clock, sandbox.process.get(name), ANSWER_LIMIT_MS, signal);
      const saidSomething = await drain(signal);
      lastAnswer = host.clock.now();
      if (state.status !== "running") {
        while (await drain(signal));
        return state.exitCode;
      }
      pause = saidSomething ? POLL_MS.soonest : Math.min(pause * POLL_MS.growth, POLL_MS.latest);
    } catch (error) {
      signal.throwIfAborted();
      // The API responds but has no such process: the sandbox was restarted, for example from an archive.
      if (/process not found/iu.test(reasonOf(error)))
        throw died(sandbox, "was restarted while the command ran, which ended it", error);
      const silent = host.clock.now() - lastAnswer;
      if (silent > PATIENCE_MS || (silent > ASK_AFTER_MS && (await isGone(host, sandbox))))
        throw died(sandbox, "stopped answering while the command ran", error);
    }
    await host.clock.sleep(pause, signal);
  }
}

/** Ends a command like Ctrl-C in a terminal: signals the whole group and gives it time for its last output. */
async function interrupt(host: Host, sandbox: SandboxInstance, started: Started): Promise<void> {
  for (const [signal, ms] of ENDINGS) {
    try {
      const told = sandbox.process.exec({
        command: `kill -${signal} -${started.pid}`,
        waitForCompletion: true,
      });
      await within(host.clock, told, LAST_ANSWER_LIMIT_MS);
      await untilEnded(host, sandbox, started, AbortSignal.timeout(ms));
      return;
    } catch {
      // The command does not end, or the sandbox is not responding; deleting the sandbox ends both.
    }
  }
}

/**
 * Runs a command in the background and follows both outputs byte by byte until it ends, beyond the limit of a single request. An abort
 * interrupts it.
 * @returns its exit code; 128 + n if signal n killed it
 * @throws Failure SANDBOX_DIED (exit 7); the signal's reason when aborted
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
    // Failing costs only space in the sandbox, which may be gone.
    await within(host.clock, sandbox.fs.rm(folder, true), LAST_ANSWER_LIMIT_MS).catch(() => undefined);
  }
}
