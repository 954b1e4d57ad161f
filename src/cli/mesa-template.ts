#!/usr/bin/env node
import { closeSync, readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { VERSION } from "../support/version";

/** Answers `--version` and the overview of `--help` before anything else is loaded, because start-up time matters. */
function answerAtOnce(argv: readonly string[]): boolean {
  const [word] = argv;
  if (argv.length > 1 || word === undefined) return false;
  if (word === "--version" || word === "-V") {
    process.stdout.write(`${VERSION}\n`);
    return true;
  }
  if (word === "--help" || word === "-h" || word === "help") {
    // help.txt is for 100 columns; the parser wraps the same text to a narrower terminal.
    if ((process.stdout.columns || 100) < 100) return false;
    try {
      process.stdout.write(readFileSync(new URL("help.txt", import.meta.url)));
      return true;
    } catch {
      // The build writes this file; without it the parser produces the same text more slowly.
      return false;
    }
  }
  return false;
}

/** The parts of the program are opened all at once. */
const TOO_MANY_FILES = {
  message: "The program cannot open its own files: too many open files.",
  hint: "Raise the limit of open files (ulimit -n).",
};

/** What keeps the program from being loaded, by the code of the error. */
const NOT_LOADED: Readonly<Record<string, typeof TOO_MANY_FILES>> = {
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  // The parser asks for the working folder while it loads.
  ENOENT: {
    message: "The working folder was removed.",
    hint: "Change to a folder that exists (cd), then run the command again.",
  },
};

/** Loads the program. Where that fails, nothing more can be loaded: the answer is put together here. */
async function loadMain(
  argv: readonly string[],
): Promise<(argv: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>> {
  try {
    return (await import("./main")).main;
  } catch (error) {
    const { code = "", message: cause } = error as NodeJS.ErrnoException;
    const known = NOT_LOADED[code];
    if (known === undefined) throw error;
    const { message, hint } = known;
    if (argv.includes("--json"))
      process.stdout.write(
        `${JSON.stringify({ ok: false, error: { code, message, hint, cause, log: [] } })}\n`,
      );
    else process.stderr.write(`error: ${message}\ncause: ${cause}\nwhat to do: ${hint}\n`);
    return () => Promise.resolve(3);
  }
}

process.stderr.on("error", () => undefined);
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader that stops reading (… | head -1) has what it wants; a full disk does not.
  if (error.code !== "EPIPE") process.exitCode = 3;
});
// As it exits, Node aborts where a standard stream's terminal was closed, unless the stream is closed, too (seen with 20.20).
process.on("exit", () => {
  for (const stream of [0, 1, 2]) if (!isatty(stream)) closeSync(stream);
});
const argv = process.argv.slice(2);
if (!answerAtOnce(argv)) {
  const main = await loadMain(argv);
  // main ends by a signal in its own time. One that comes after that changes nothing, so these handlers stay.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
  process.exitCode = await main(argv, process.env);
  // Node removes them some time before its end, except at process.exit.
  process.on("beforeExit", () => process.exit());
  // An abandoned request must not keep the program running; without one it ends before this.
  setTimeout(() => process.exit(), 500).unref();
}
