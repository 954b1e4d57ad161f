import type { IncomingMessage } from "node:http";
import { pipeline, type Readable, type Writable } from "node:stream";
import { extract } from "tar-stream";
import { engineFailed } from "./failures";

/** An entry, and its bytes. */
export type TarEntry = ReturnType<typeof extract> extends AsyncIterable<infer One> ? One : never;

/**
 * The entries of an archive that an engine writes, one after the other; each has to be read or resumed before the next comes.
 * An archive that breaks off ends them: a pipe alone would leave its reader waiting for ever.
 * @param what what cannot be said when that happens, for people
 * @throws Failure ENGINE_GONE (environment); the signal's reason when it was aborted
 */
export async function* tarEntries(
  what: string,
  archive: Readable,
  signal: AbortSignal,
): AsyncGenerator<TarEntry, void, undefined> {
  const entries = extract();
  pipeline(archive, entries as unknown as Writable, () => undefined);
  try {
    yield* entries;
  } catch (error) {
    signal.throwIfAborted();
    throw engineFailed(what, whyBroken(archive, error));
  } finally {
    archive.destroy();
  }
}

/** Why an engine's answer broke off: Node says "aborted" of it, and its connection what it ended with. */
export function whyBroken(answer: Readable, error: unknown): unknown {
  return (answer as Partial<IncomingMessage>).socket?.errored ?? error;
}
