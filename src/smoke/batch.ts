import { randomBytes } from "node:crypto";
import type { CommandResult } from "./check";
import { quoted } from "../support/quoted";

/** One script of a batch. */
export interface BatchItem {
  readonly script: string;
  /** Limit in ms, rounded up to whole seconds. */
  readonly timeoutMs: number;
}

function seconds(item: BatchItem): number {
  return Math.max(1, Math.ceil(item.timeoutMs / 1000));
}

/**
 * A shell script that runs several scripts one after the other, each in a shell and with a time limit of its own, and
 * prints for each its exit code, its time and its two outputs, the outputs base64-encoded so that nothing in them can be
 * taken for the frame. What is over time is killed outright: some programs take no hint, and old busybox knows no `timeout -k`.
 */
export function batchScript(items: readonly BatchItem[], mark: string): string {
  const parts = items.map(
    (item, index) => `
b=$(now); timeout -s KILL ${String(seconds(item))} sh -c ${quoted(item.script)} >"$d/o" 2>"$d/e" </dev/null; c=$?
printf '%s %s %s %s\\n' ${mark} ${String(index)} $c $(( $(now) - b )); base64 <"$d/o" | tr -d '\\n'; echo; base64 <"$d/e" | tr -d '\\n'; echo`,
  );
  return `d=$(mktemp -d) || exit 1; now() { read -r up _ </proc/uptime; up="\${up%.*}\${up#*.}0"; echo "\${up#0}"; }
${parts.join("\n")}
rm -rf "$d"`;
}

/** A mark that no output holds by chance. */
export function newMark(): string {
  return `mark-${randomBytes(9).toString("hex")}`;
}

/** The results in a batch's output, by index; a script whose frame is missing has none. */
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
      // A script may end with 137 of its own; only one that also used its time up was killed for it (/proc/uptime counts in 10 ms).
      timedOut: exitCode === 137 && durationMs >= seconds(item) * 1000 - 50,
      durationMs,
    };
  }
  return results;
}
