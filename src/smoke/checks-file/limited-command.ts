import type { Command, CommandResult } from "../check";
import { quoted } from "../../support/quoted";
import { milliseconds } from "./amounts";
import type { RunEntry } from "./schema";

const DEFAULT_LIMIT = "20s";

/** What starting and answering may take besides the program's own time, in ms. */
const SPARE_MS = 10_000;

/** The exit code of a command whose folder is not there. */
export const NO_FOLDER = 125;

/** How long one try of a check may take, in ms. */
export function limitOf({ timeLimit = DEFAULT_LIMIT }: RunEntry): number {
  return milliseconds(timeLimit);
}

/** Users, variables and folder of a check, as every command of it gets them. */
export function surroundings({ user, env }: RunEntry): Pick<Command, "user" | "env"> {
  return {
    ...(user === undefined ? {} : { user: String(user) }),
    ...(env === undefined
      ? {}
      : { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])) }),
  };
}

/** Shell text that goes to the check's folder; nothing where it names none. */
export function intoFolder({ cwd }: RunEntry): string {
  return cwd === undefined ? "" : `cd -- ${quoted(cwd)} || exit ${String(NO_FOLDER)}; `;
}

function limitSeconds(entry: RunEntry): number {
  return Math.ceil(limitOf(entry) / 1000);
}

/**
 * A check's command, ended from inside when its time (whole seconds, rounded up) is over: an engine cannot end an exec, and the sandbox
 * API's own limit bounds only the waiting. Where there is no timeout program only the answer is given up. The shell stays until
 * the end, so that a killed program is told by its exit code everywhere.
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

/** Whether a command was ended because its time was over; killed by somebody else it would have ended sooner. */
export function ranOut(result: CommandResult, entry: RunEntry): boolean {
  return result.timedOut || (result.exitCode === 137 && result.durationMs >= limitSeconds(entry) * 1000 - 50);
}
