import type { IncomingMessage } from "node:http";
import { addAbortSignal, pipeline, type Readable, type Writable } from "node:stream";
import { extract } from "tar-stream";
import { engineFailed } from "./failures";

/** The entries of an archive in sequence; read or resume each one before the next. */
export type TarEntries = ReturnType<typeof extract>;
export type TarEntry = TarEntries extends AsyncIterable<infer Entry> ? Entry : never;

/**
 * Reads an archive from an engine, and releases it when `read` returns. A broken connection ends the reading, between entries and within
 * one; a plain pipe would wait forever.
 * @param what the work, for the message about a broken connection
 * @throws Failure ENGINE_GONE (exit 3); the signal's reason when it was aborted
 */
export async function readTarEntries<T>(
  what: string,
  archive: Readable,
  signal: AbortSignal,
  read: (entries: TarEntries) => Promise<T>,
): Promise<T> {
  const entries = extract();
  pipeline(addAbortSignal(signal, archive), entries as unknown as Writable, () => undefined);
  try {
    return await read(entries);
  } catch (error) {
    signal.throwIfAborted();
    // For a broken answer Node reports only "aborted"; the cause is on the connection.
    throw engineFailed(what, (archive as Partial<IncomingMessage>).socket?.errored ?? error);
  } finally {
    archive.destroy();
  }
}
