import { StringDecoder } from "node:string_decoder";

/** One message of an engine's build or pull stream; only what is read of it. */
export interface StreamMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly id?: string;
  readonly aux?: unknown;
}

/**
 * The JSON messages of an engine's stream. Chunks may split lines and characters anywhere. An error in the stream is
 * thrown (dockerode's own followProgress does not); so is silence for `silenceMs`.
 */
export async function* streamMessages(stream: NodeJS.ReadableStream, silenceMs: number, signal: AbortSignal): AsyncGenerator<StreamMessage> {
  const decoder = new StringDecoder("utf8");
  let partial = "";
  const destroy = (error: Error): void => {
    (stream as unknown as { destroy(error: Error): void }).destroy(error);
  };
  const onAbort = (): void => { destroy(new Error("interrupted")); };
  signal.addEventListener("abort", onAbort, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => { destroy(new Error(`the engine said nothing for ${String(silenceMs / 1000)} s`)); }, silenceMs);
  };
  try {
    watch();
    for await (const chunk of stream) {
      watch();
      const lines = (partial + decoder.write(chunk as Buffer)).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) yield* messageOfLine(line);
    }
    yield* messageOfLine(partial);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    signal.throwIfAborted();
  }
}

function* messageOfLine(line: string): Generator<StreamMessage> {
  if (line.trim() === "") return;
  const message = JSON.parse(line) as StreamMessage;
  if (message.error !== undefined || message.errorDetail !== undefined) throw new Error(message.errorDetail?.message ?? message.error);
  yield message;
}
