#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { VERSION } from "../support/version";

/** `--version` and the overview of `--help` are answered before anything else is loaded: start-up is a feature. */
function answerAtOnce(argv: readonly string[]): boolean {
  const [word] = argv;
  if (argv.length > 1 || word === undefined) return false;
  if (word === "--version" || word === "-V") {
    process.stdout.write(`${VERSION}\n`);
    return true;
  }
  if (word === "--help" || word === "-h" || word === "help") {
    try {
      process.stdout.write(readFileSync(new URL("help.txt", import.meta.url)));
      return true;
    } catch {
      // The build writes it; without it the parser makes the same text, only slower.
      return false;
    }
  }
  return false;
}

/** Says so where the working folder was removed: the parser asks for it as it is loaded. Answers with the exit code, undefined where it is there. */
async function refuseNoWorkingFolder(argv: readonly string[]): Promise<number | undefined> {
  try {
    process.cwd();
    return undefined;
  } catch (error) {
    const [{ errorDocument, errorText }, { exitCodeOf }, { createRedactor }] = await Promise.all([
      import("./output"),
      import("../support/errors"),
      import("../support/redact"),
    ]);
    const redact = createRedactor(process.env);
    if (argv.includes("--json"))
      process.stdout.write(`${JSON.stringify({ ok: false, error: errorDocument(error, redact) })}\n`);
    else process.stderr.write(errorText(error, redact));
    return exitCodeOf(error);
  }
}

const argv = process.argv.slice(2);
if (!answerAtOnce(argv)) {
  process.exitCode =
    (await refuseNoWorkingFolder(argv)) ?? (await (await import("./main")).main(argv, process.env));
  // A request that was given up on and is never answered does not keep the program; without one it ends before this.
  setTimeout(() => process.exit(), 500).unref();
}
