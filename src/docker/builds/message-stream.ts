import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A message of the engine during a pull or build. */
export interface EngineMessage {
  readonly id?: string;
  readonly stream?: string;
  readonly status?: string;
  readonly aux?: unknown;
  /** Set if the work failed. */
  readonly error?: string;
}

export interface MessageStreamOptions {
  readonly signal: AbortSignal;
  /** Ends the stream after this time without a message (ms). */
  readonly silenceMs?: number;
}

/** The stream ended without a result. */
export class StreamBroken extends Error {}
StreamBroken.prototype.name = "StreamBroken";

/** No message came for too long: the engine responds, but its work hangs. */
export class StreamSilent extends StreamBroken {}
StreamSilent.prototype.name = "StreamSilent";

/** Far above the length of any engine message, in characters; a longer line means it is not a message stream. */
const LONGEST_MESSAGE = 16 * 1024 * 1024;

/**
 * Splits text into lines. Chunks may end anywhere, even inside a character; the rest comes at the end. @throws StreamBroken if a line does
 * not end
 */
export function lineSplitter(longest = LONGEST_MESSAGE): {
  take(chunk: Uint8Array): readonly string[];
  end(): readonly string[];
} {
  const decoder = new StringDecoder("utf8");
  let partial = "";
  const lines = (text: string): readonly string[] => {
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    if (partial.length > longest)
      throw new StreamBroken(`the engine sent a message of more than ${String(longest)} characters`);
    return parts.filter((line) => line.trim() !== "");
  };
  return {
    take: (chunk) => lines(decoder.write(Buffer.from(chunk))),
    end: () => lines(`${decoder.end()}\n`),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Parses one line of the engine's stream. A line that is not a JSON object breaks the stream, so that half a message is never ignored. */
function parseMessage(line: string): EngineMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new StreamBroken(`the engine sent something that is not a message: ${line.slice(0, 120)}`);
  }
  if (typeof value !== "object" || value === null)
    throw new StreamBroken(`the engine sent something that is not a message: ${line.slice(0, 120)}`);
  const { id, stream, status, aux, error, errorDetail } = value as Readonly<Record<string, unknown>>;
  const detail =
    typeof errorDetail === "object" && errorDetail !== null && "message" in errorDetail
      ? text(errorDetail.message)
      : undefined;
  const failed =
    detail ??
    text(error) ??
    (error !== undefined || errorDetail !== undefined ? "it failed without a message" : undefined);
  const idText = text(id);
  const streamText = text(stream);
  const statusText = text(status);
  return {
    ...(idText === undefined ? {} : { id: idText }),
    ...(streamText === undefined ? {} : { stream: streamText }),
    ...(statusText === undefined ? {} : { status: statusText }),
    ...(aux === undefined ? {} : { aux }),
    ...(failed === undefined ? {} : { error: failed }),
  };
}

/**
 * The messages of a pull or build, as they come. dockerode's followProgress (5.0.1) reports failures as success and breaks characters at
 * chunk borders.
 * @throws StreamBroken if the connection breaks or a message is invalid, StreamSilent if nothing comes for too long; the signal's reason
 * when aborted
 */
export async function* messagesOf(
  stream: Readable,
  options: MessageStreamOptions,
): AsyncGenerator<EngineMessage> {
  const { signal, silenceMs } = options;
  const splitter = lineSplitter();
  const given = { up: false };
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    if (silenceMs === undefined) return;
    timer = setTimeout(() => {
      given.up = true;
      stream.destroy();
    }, silenceMs);
  };
  const onAbort = (): void => {
    stream.destroy();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  watch();
  try {
    for await (const chunk of stream) {
      watch();
      for (const line of splitter.take(chunk as Uint8Array)) yield parseMessage(line);
    }
    for (const line of splitter.end()) yield parseMessage(line);
  } catch (error) {
    signal.throwIfAborted();
    if (given.up)
      throw new StreamSilent(`the engine sent nothing for ${String((silenceMs ?? 0) / 1000)} s`, {
        cause: error,
      });
    if (error instanceof StreamBroken) throw error;
    throw new StreamBroken(
      `the connection to the engine broke: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
  signal.throwIfAborted();
}
