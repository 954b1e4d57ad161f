import { StringDecoder } from "node:string_decoder";
import type { ProcessRequest, ProcessResult, RunProcess } from "./process";
import { abortReason } from "../clock";
import { lineCutter } from "../text/line-cutter";

const KEEP_BYTES = 4 * 1024 * 1024;
/** Longer lines (characters) are emitted in pieces. */
const LONGEST_LINE = 1024 * 1024;
/** Time between SIGTERM and SIGKILL for a process group, in ms. */
const GRACE_MS = 2_000;

/** Keeps the last `limit` bytes of a stream as text and emits its lines as they come. */
function capture(
  limit: number,
  onLine: ((line: string) => void) | undefined,
): { take(chunk: Buffer): void; text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  const decoder = new StringDecoder("utf8");
  const cutter = lineCutter(LONGEST_LINE);
  return {
    take(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      for (let first = chunks[0]; first !== undefined && size - first.length >= limit; first = chunks[0]) {
        size -= first.length;
        chunks.shift();
      }
      if (onLine === undefined) return;
      for (const line of cutter.take(decoder.write(chunk))) onLine(line);
    },
    text() {
      if (onLine !== undefined && cutter.rest() !== "") onLine(cutter.rest());
      const all = Buffer.concat(chunks);
      return all.subarray(Math.max(0, all.length - limit)).toString("utf8");
    },
  };
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
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
  const { signal } = request;
  if (signal !== undefined && isAborted(signal)) throw abortReason(signal);
  const { execa } = await import("execa");
  const begun = performance.now();
  const limit = request.keepBytes ?? KEEP_BYTES;
  const stdout = capture(
    limit,
    request.onLine === undefined ? undefined : (line) => request.onLine?.(line, "stdout"),
  );
  const stderr = capture(
    limit,
    request.onLine === undefined ? undefined : (line) => request.onLine?.(line, "stderr"),
  );
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
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.take(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr.take(chunk);
  });
  const limitReached = new AbortController();
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    endGroup(child.pid, "SIGTERM");
    killTimer ??= setTimeout(() => {
      endGroup(child.pid, "SIGKILL");
    }, GRACE_MS);
  };
  const limitTimer =
    request.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          limitReached.abort();
          end();
        }, request.timeoutMs);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const result = await child;
    if (signal !== undefined && isAborted(signal)) throw abortReason(signal);
    const failedToStart =
      result.exitCode === undefined && result.signal === undefined && child.pid === undefined;
    return {
      exitCode: result.exitCode ?? null,
      signal: result.signal ?? null,
      stdout: stdout.text(),
      stderr: stderr.text(),
      timedOut: isAborted(limitReached.signal),
      durationMs: performance.now() - begun,
      ...(failedToStart ? { spawnError: result.shortMessage ?? "unknown" } : {}),
    };
  } finally {
    clearTimeout(limitTimer);
    clearTimeout(killTimer);
    if (isAborted(limitReached.signal) || isAborted(signal)) endGroup(child.pid, "SIGKILL");
    signal?.removeEventListener("abort", end);
  }
};
