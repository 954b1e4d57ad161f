import { addAbortSignal, type Readable } from "node:stream";
import { lastBytes } from "../../support/processes/last-bytes";
import type { ExecResult } from "../engine";

const KEEP_BYTES = 8 * 1024 * 1024;

/** One piece of a container's output. */
interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

/**
 * Splits the output of a container without a terminal: frames of an 8-byte header (stream, three zeros, big-endian length) and the bytes
 * (Docker Engine API, "Attach to a container", stream format). Chunks may end anywhere.
 */
export function frameReader(): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= 8) {
      const length = rest.readUInt32BE(4);
      if (rest.length < 8 + length) break;
      frames.push({ stream: rest[0] === 2 ? "stderr" : "stdout", data: rest.subarray(8, 8 + length) });
      rest = rest.subarray(8 + length);
    }
    return frames;
  };
}

/** Reads a program's output to its end, or until the signal: then it has timed out. */
export async function outputOf(stream: Readable, signal: AbortSignal): Promise<Omit<ExecResult, "exitCode">> {
  const kept = { stdout: lastBytes(KEEP_BYTES), stderr: lastBytes(KEEP_BYTES) };
  const read = frameReader();
  let timedOut = false;
  try {
    for await (const chunk of addAbortSignal(signal, stream))
      for (const frame of read(chunk as Buffer)) kept[frame.stream].take(frame.data);
  } catch (error) {
    if (!signal.aborted) throw error;
    timedOut = true;
  }
  return { stdout: kept.stdout.text(), stderr: kept.stderr.text(), timedOut };
}
