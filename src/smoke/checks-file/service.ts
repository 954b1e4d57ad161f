import type { Command, Subject } from "../check";
import { quoted } from "../../support/quoted";
import { intoFolder, surroundings } from "./limited-command";
import type { RunEntry } from "./schema";

/** A service that runs beside a check. */
export interface Service {
  /** Ends it with all its children; returns the end of its output. */
  stop(): Promise<string>;
}

const LIMIT_MS = 30_000;

/**
 * Shell text that starts a service in its own session, so that it can be ended with all its children, and prints its process id and its
 * output file.
 */
export function startScript(command: string, entry: RunEntry): string {
  return `${intoFolder(entry)}log=$(mktemp) || exit 1; own=; if command -v setsid >/dev/null 2>&1; then own=setsid; fi
$own sh -c ${quoted(command)} >"$log" 2>&1 </dev/null & echo "$! $log"`;
}

/** Shell text that ends a service: SIGTERM, SIGKILL after two seconds; then it prints the end of its output. */
export function stopScript(pid: string, log: string): string {
  return `p=-${pid}; kill -0 "$p" 2>/dev/null || p=${pid}; kill -TERM "$p" 2>/dev/null
i=0; while kill -0 "$p" 2>/dev/null && [ $i -lt 20 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1)); done
kill -KILL "$p" 2>/dev/null; tail -c 1000 ${log}; rm -f ${log}`;
}

/** Starts a check's service; throws the reason if it does not start. */
export async function startService(subject: Subject, command: string, entry: RunEntry): Promise<Service> {
  if (subject.noShell === true) throw new Error("start needs a shell, and the image has none");
  const around: Pick<Command, "user" | "env" | "timeoutMs"> = {
    ...surroundings(entry),
    timeoutMs: LIMIT_MS,
  };
  const started = await subject.run({ ...around, script: startScript(command, entry) });
  const [, pid, log] = /^(\d+) (\/\S+)$/mu.exec(started.stdout) ?? [];
  if (pid === undefined || log === undefined)
    throw new Error(
      `the service could not be started: ${(started.stderr || started.stdout).trim() || `exit ${String(started.exitCode)}`}`,
    );
  return {
    stop: async () => (await subject.run({ ...around, script: stopScript(pid, log) })).stdout.trim(),
  };
}
