import { Failure, messageOf } from "../support/errors";

/**
 * Asks a yes/no question on stderr. Anything but yes means no, and so does the end of the input (Ctrl-D).
 * @throws Failure INTERRUPTED (exit 130) on Ctrl-C; the signal's reason when it is aborted
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const asker = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  // A closed terminal cannot be read (EIO).
  asker.on("error", () => {
    closed.abort();
  });
  try {
    const either = AbortSignal.any([signal, closed.signal]);
    return /^y(es)?$/iu.test((await asker.question(`${question} [y/N] `, { signal: either })).trim());
  } catch (error) {
    process.stderr.write("\n");
    signal.throwIfAborted();
    // Node throws the same AbortError for both keys; only its message names the key.
    if (messageOf(error).endsWith("Ctrl+D")) return false;
    throw new Failure({
      code: "INTERRUPTED",
      kind: "interrupted",
      message: "Interrupted at the question.",
      cause: error,
    });
  } finally {
    asker.close();
  }
}
