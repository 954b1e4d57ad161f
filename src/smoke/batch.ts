import { randomBytes } from "node:crypto";
import type { CommandResult } from "./check";
import { quoted } from "../support/text/quoted";

/** One script of a batch. */
export interface BatchItem {
  readonly script: string;
  /** Limit in ms, rounded up to whole seconds. */
  readonly timeoutMs: number;
}

/** A limit for `timeout`, in whole seconds. */
export function wholeSeconds(limitMs: number): number {
  return Math.max(1, Math.ceil(limitMs / 1000));
}

/**
 * Whether `timeout` killed a command. It can exit with 137 by itself; it timed out only if it also used its whole time (/proc/uptime counts
 * in 10 ms).
 */
export function wasKilled(exitCode: number, durationMs: number, limitMs: number): boolean {
  return exitCode === 137 && durationMs >= wholeSeconds(limitMs) * 1000 - 50;
}

/**
 * A shell script that runs several scripts in sequence, each in its own shell with its own time limit. For each it prints exit code, time
 * and both outputs, base64-encoded so that they cannot break the framing. A time-out kills with SIGKILL at once: some programs ignore
 * SIGTERM, and old busybox has no `timeout -k`.
 */
export function batchScript(items: readonly BatchItem[], mark: string): string {
  const parts = items.map(
    (item, index) => `
b=$(now); timeout -s KILL ${String(wholeSeconds(item.timeoutMs))} sh -c ${quoted(item.script)} >"$d/o" 2>"$d/e" </dev/null; c=$?
printf '%s %s %s %s\\n' ${mark} ${String(index)} $c $(( $(now) - b )); base64 <"$d/o" | tr -d '\\n'; echo; base64 <"$d/e" | tr -d '\\n'; echo`,
  );
  return `d=$(mktemp -d) || exit 1; now() { read -r up _ </proc/uptime; up="\${up%.*}\${up#*.}0"; echo "\${up#0}"; }
${parts.join("\n")}
rm -rf "$d"`;
}

/** A random mark that no output contains by chance. */
export function newMark(): string {
  return `mark-${randomBytes(9).toString("hex")}`;
}

/** The results in a batch's output, by index; a script without a frame has none. */
export function batchResults(
  output: string,
  mark: string,
  items: readonly BatchItem[],
): readonly (CommandResult | undefined)[] {
  const results = new Array<CommandResult | undefined>(items.length).fill(undefined);
  const lines = output.split("\n");
  for (const [at, line] of lines.entries()) {
    const [found, index, code, ms] = line.split(" ");
    const item = items[Number(index)];
    if (found !== mark || item === undefined || code === undefined || ms === undefined) continue;
    const exitCode = Number(code);
    const durationMs = Number(ms);
    results[Number(index)] = {
      exitCode,
      stdout: Buffer.from(lines[at + 1] ?? "", "base64").toString("utf8"),
      stderr: Buffer.from(lines[at + 2] ?? "", "base64").toString("utf8"),
      timedOut: wasKilled(exitCode, durationMs, item.timeoutMs),
      durationMs,
    };
  }
  return results;
}
