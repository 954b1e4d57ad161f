import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ProcessRequest, ProcessResult, RunProcess } from "./process";
import { lastBytes } from "./last-bytes";
import { lineCutter } from "../text/line-cutter";

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
