import { addAbortSignal, type Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { messageOf } from "../../support/errors";
import { lineCutter } from "../../support/text/line-cutter";
import { parsedJson, valueAt } from "../../support/text/parsed-json";

/** A message of the engine during a pull or build. */
export interface EngineMessage {
  readonly id?: string | undefined;
  readonly stream?: string | undefined;
  readonly status?: string | undefined;
  readonly aux?: unknown;
  /** Set if the work failed. */
  readonly error?: string | undefined;
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

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Parses one line of the engine's stream. A line that is not a JSON object breaks the stream, so that half a message is never ignored. */
function parseMessage(line: string): EngineMessage {
  const value = parsedJson(line);
  if (typeof value !== "object" || value === null)
    throw new StreamBroken(`the engine sent something that is not a message: ${line.slice(0, 120)}`);
  const { id, stream, status, aux, error, errorDetail } = value as Readonly<Record<string, unknown>>;
  const failed =
    text(valueAt(errorDetail, ["message"])) ??
    text(error) ??
    (error !== undefined || errorDetail !== undefined ? "it failed without a message" : undefined);
  return { id: text(id), stream: text(stream), status: text(status), aux, error: failed };
}

function* messagesIn(lines: readonly string[]): Generator<EngineMessage> {
  for (const line of lines) if (line.trim() !== "") yield parseMessage(line);
}

/**
 * The messages of a pull or build, as they come. dockerode's followProgress (5.0.1) reports failures as success and breaks characters at
 * chunk borders.
 * @throws StreamBroken if the connection breaks or a message is invalid, StreamSilent if nothing comes for too long; the signal's reason
 * when aborted
 */
export async function* messagesOf(
  stream: Readable,
  { signal, silenceMs }: MessageStreamOptions,
): AsyncGenerator<EngineMessage> {
  const decoder = new StringDecoder("utf8");
  const cutter = lineCutter(LONGEST_MESSAGE);
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    if (silenceMs === undefined) return;
    timer = setTimeout(() => {
      stream.destroy(new StreamSilent(`the engine sent nothing for ${String(silenceMs / 1000)} s`));
    }, silenceMs);
  };
  watch();
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      watch();
      yield* messagesIn(cutter.take(decoder.write(chunk as Buffer)));
    }
    yield* messagesIn(cutter.take(`${decoder.end()}\n`));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StreamBroken) throw error;
    throw new StreamBroken(`the connection to the engine broke: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
  signal.throwIfAborted();
}
