import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Environment } from "../environment";
import { lastBytes } from "./last-bytes";
import { lineCutter } from "../text/line-cutter";

/** A program to run. The command is an argument vector: no shell, and never a secret in it. */
export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** The whole environment of the program (nothing is inherited, and what is undefined is not set). */
  readonly env: Environment;
  /** Limit in ms; on time-out the whole process group gets SIGTERM, then SIGKILL. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Text for stdin; default: empty (/dev/null). */
  readonly input?: string | undefined;
  /** Bytes kept of each stream; older ones are dropped. Default 4 MiB. */
  readonly keepBytes?: number | undefined;
  readonly onLine?: ((line: string, stream: "stdout" | "stderr") => void) | undefined;
}

export interface ProcessResult {
  /** Exit code; null if a signal ended the program or it never started. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Why the program could not be started, e.g. ENOENT. */
  readonly spawnError?: string;
}

/** Runs a program to its end. Resolves whatever its exit code; rejects only with the abort reason. Always drains both pipes. */
export type RunProcess = (request: ProcessRequest) => Promise<ProcessResult>;

const KEEP_BYTES = 4 * 1024 * 1024;
/** Longer lines (characters) are emitted in pieces. */
const LONGEST_LINE = 1024 * 1024;
/** Time between SIGTERM and SIGKILL for a process group, in ms. */
const GRACE_MS = 2_000;

/** Keeps the last `limit` bytes of a stream and emits its lines as they come. @returns what gives its text at the end */
function capture(
  stream: Readable,
  limit: number,
  onLine: ((line: string) => void) | undefined,
): () => string {
  const kept = lastBytes(limit);
  const decoder = new StringDecoder("utf8");
  const cutter = lineCutter(LONGEST_LINE);
  stream.on("data", (chunk: Buffer) => {
    kept.take(chunk);
    if (onLine === undefined) return;
    for (const line of cutter.take(decoder.write(chunk))) onLine(line);
  });
  return () => {
    if (onLine !== undefined && cutter.rest() !== "") onLine(cutter.rest());
    return kept.text();
  };
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is already gone.
  }
}

/** Runs a program in its own process group; see RunProcess. */
export const runProcess: RunProcess = async (request: ProcessRequest): Promise<ProcessResult> => {
  const { signal, timeoutMs, onLine, keepBytes = KEEP_BYTES } = request;
  signal?.throwIfAborted();
  const { execa } = await import("execa");
  const begun = performance.now();
  const child = execa(request.command, [...request.args], {
    env: { ...request.env },
    extendEnv: false,
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.input === undefined ? { stdin: "ignore" as const } : { input: request.input }),
    buffer: false,
    encoding: "buffer",
    reject: false,
    detached: true,
    cleanup: false,
  });
  const linesOf = (name: "stdout" | "stderr") =>
    onLine &&
    ((line: string): void => {
      onLine(line, name);
    });
  const stdout = capture(child.stdout, keepBytes, linesOf("stdout"));
  const stderr = capture(child.stderr, keepBytes, linesOf("stderr"));
  const limit = { reached: false };
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    endGroup(child.pid, "SIGTERM");
    killTimer ??= setTimeout(() => {
      endGroup(child.pid, "SIGKILL");
    }, GRACE_MS);
  };
  const limitTimer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          limit.reached = true;
          end();
        }, timeoutMs);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const result = await child;
    signal?.throwIfAborted();
    const failedToStart =
      result.exitCode === undefined && result.signal === undefined && child.pid === undefined;
    return {
      exitCode: result.exitCode ?? null,
      signal: result.signal ?? null,
      stdout: stdout(),
      stderr: stderr(),
      timedOut: limit.reached,
      durationMs: performance.now() - begun,
      ...(failedToStart ? { spawnError: result.shortMessage ?? "unknown" } : {}),
    };
  } finally {
    clearTimeout(limitTimer);
    clearTimeout(killTimer);
    if (limit.reached || signal?.aborted === true) endGroup(child.pid, "SIGKILL");
    signal?.removeEventListener("abort", end);
  }
};
