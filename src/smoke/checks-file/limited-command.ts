import type { Command, CommandResult } from "../check";
import { quoted } from "../../support/quoted";
import { milliseconds } from "./amounts";
import type { RunEntry } from "./schema";

const DEFAULT_LIMIT = "20s";

/** Time for starting and answering besides the program's own, in ms. */
const SPARE_MS = 10_000;

/** Exit code for a missing working folder. */
export const NO_FOLDER = 125;

/** Time limit for one attempt of a check, in ms. */
export function limitOf({ timeLimit = DEFAULT_LIMIT }: RunEntry): number {
  return milliseconds(timeLimit);
}

/** User, variables and folder for every command of a check. */
export function surroundings({ user, env }: RunEntry): Pick<Command, "user" | "env"> {
  return {
    ...(user === undefined ? {} : { user: String(user) }),
    ...(env === undefined
      ? {}
      : { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])) }),
  };
}

/** Shell text that changes to the check's folder; empty without one. */
export function intoFolder({ cwd }: RunEntry): string {
  return cwd === undefined ? "" : `cd -- ${quoted(cwd)} || exit ${String(NO_FOLDER)}; `;
}

function limitSeconds(entry: RunEntry): number {
  return Math.ceil(limitOf(entry) / 1000);
}

/**
 * A check's command with a time limit inside the subject (whole seconds, rounded up): an engine cannot end an exec, and the sandbox API's
 * limit bounds only the waiting. Without a timeout program, only the waiting ends. The shell stays until the end, so that the exit code
 * always shows a killed program.
 */
export function limitedCommand(
  command: string | readonly string[],
  entry: RunEntry,
  noShell: boolean,
): Command {
  const timeoutMs = limitSeconds(entry) * 1000;
  if (noShell && typeof command !== "string")
    return {
      ...surroundings(entry),
      argv: command,
      timeoutMs,
      ...(entry.cwd === undefined ? {} : { cwd: entry.cwd }),
    };
  const words = typeof command === "string" ? `sh -c ${quoted(command)}` : command.map(quoted).join(" ");
  const limited = `timeout -s KILL ${String(limitSeconds(entry))} ${words}`;
  return {
    ...surroundings(entry),
    script: `${intoFolder(entry)}if command -v timeout >/dev/null 2>&1; then ${limited}; else ${words}; fi; exit $?`,
    timeoutMs: timeoutMs + SPARE_MS,
  };
}

/** Whether a command timed out; if something else killed it, it ended sooner. */
export function ranOut(result: CommandResult, entry: RunEntry): boolean {
  return result.timedOut || (result.exitCode === 137 && result.durationMs >= limitSeconds(entry) * 1000 - 50);
}
