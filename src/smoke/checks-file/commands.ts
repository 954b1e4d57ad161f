import { wasKilled, wholeSeconds } from "../batch";
import type { Command, CommandResult, Subject } from "../check";
import { quoted } from "../../support/text/quoted";
import { milliseconds, type RunEntry } from "./schema";

const DEFAULT_LIMIT = "20s";

/** Time for starting and answering besides the program's own, in ms. */
const SPARE_MS = 10_000;

/** Exit code for a missing working folder. */
const NO_FOLDER = 125;

/** Time limit for one attempt of a check, in ms. */
export function limitOf({ timeLimit = DEFAULT_LIMIT }: RunEntry): number {
  return milliseconds(timeLimit);
}

function surroundings({ user, env }: RunEntry): Pick<Command, "user" | "env"> {
  return {
    user: user === undefined ? undefined : String(user),
    env: env && Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])),
  };
}

/** Shell text that changes to the check's folder; empty without one. */
function intoFolder({ cwd }: RunEntry): string {
  return cwd === undefined ? "" : `cd -- ${quoted(cwd)} || exit ${String(NO_FOLDER)}; `;
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
  const seconds = wholeSeconds(limitOf(entry));
  const timeoutMs = seconds * 1000;
  if (noShell && typeof command !== "string")
    return { ...surroundings(entry), argv: command, timeoutMs, cwd: entry.cwd };
  const words = typeof command === "string" ? `sh -c ${quoted(command)}` : command.map(quoted).join(" ");
  const limited = `timeout -s KILL ${String(seconds)} ${words}`;
  return {
    ...surroundings(entry),
    script: `${intoFolder(entry)}if command -v timeout >/dev/null 2>&1; then ${limited}; else ${words}; fi; exit $?`,
    timeoutMs: timeoutMs + SPARE_MS,
  };
}

/** Whether a command timed out. */
export function ranOut({ timedOut, exitCode, durationMs }: CommandResult, entry: RunEntry): boolean {
  return timedOut || wasKilled(exitCode, durationMs, limitOf(entry));
}

/** Limit for starting or ending a service, in ms. */
const SERVICE_MS = 30_000;

/**
 * Shell text that starts a service in its own session, so that it can be ended with all its children, and prints its process id and its
 * output file.
 */
function startScript(command: string, entry: RunEntry): string {
  return `${intoFolder(entry)}log=$(mktemp) || exit 1; own=; if command -v setsid >/dev/null 2>&1; then own=setsid; fi
$own sh -c ${quoted(command)} >"$log" 2>&1 </dev/null & echo "$! $log"`;
}

/** Shell text that ends a service: SIGTERM, SIGKILL after two seconds; then it prints the end of its output. */
function stopScript(pid: string, log: string): string {
  return `p=-${pid}; kill -0 "$p" 2>/dev/null || p=${pid}; kill -TERM "$p" 2>/dev/null
i=0; while kill -0 "$p" 2>/dev/null && [ $i -lt 20 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1)); done
kill -KILL "$p" 2>/dev/null; tail -c 1000 ${log}; rm -f ${log}`;
}

/**
 * Starts a check's service; throws the reason if it does not start.
 * @returns what ends it with all its children, and gives the end of its output
 */
export async function startService(
  subject: Subject,
  command: string,
  entry: RunEntry,
): Promise<() => Promise<string>> {
  if (subject.noShell !== undefined) throw new Error(`start needs a shell: ${subject.noShell}`);
  const around = { ...surroundings(entry), timeoutMs: SERVICE_MS };
  const started = await subject.run({ ...around, script: startScript(command, entry) });
  const [, pid, log] = /^(\d+) (\/\S+)$/mu.exec(started.stdout) ?? [];
  if (pid === undefined || log === undefined)
    throw new Error(
      `the service could not be started: ${(started.stderr || started.stdout).trim() || `exit ${String(started.exitCode)}`}`,
    );
  return async () => (await subject.run({ ...around, script: stopScript(pid, log) })).stdout.trim();
}
