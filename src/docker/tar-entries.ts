import type { IncomingMessage } from "node:http";
import { addAbortSignal, pipeline, type Readable, type Writable } from "node:stream";
import { extract } from "tar-stream";
import { engineFailed } from "./failures";

/** The entries of an archive, one after the other; each has to be read or resumed before the next comes. */
export type TarEntries = AsyncIterable<
  ReturnType<typeof extract> extends AsyncIterable<infer Entry> ? Entry : never
>;

/**
 * Reads an archive that an engine writes; it is let go of when `read` is done with it. One that breaks off ends the reading, between
 * entries and within one: a pipe alone would leave the reader waiting for ever.
 * @param what what cannot be said when that happens, for people
 * @throws Failure ENGINE_GONE (environment); the signal's reason when it was aborted
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
    // Of an answer that breaks off, Node says "aborted"; why it did is what its connection ended with.
    throw engineFailed(what, (archive as Partial<IncomingMessage>).socket?.errored ?? error);
  } finally {
    archive.destroy();
  }
}
