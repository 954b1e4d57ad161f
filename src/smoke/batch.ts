import { randomBytes } from "node:crypto";
import type { CommandResult } from "./check";
import { quoted } from "./quote";

/** One script of a batch. */
export interface BatchItem {
  readonly script: string;
  readonly timeoutMs: number;
}

/**
 * A shell script that runs several scripts one after the other, each in a shell and with a time limit of its own, and
 * prints for each its exit code, its time and its two outputs, the outputs base64-encoded so that nothing in them can be
 * taken for the frame.
 */
export function batchScript(items: readonly BatchItem[], mark: string): string {
  const parts = items.map(
    ({ script, timeoutMs }, index) => `
b=$(now); timeout ${String(Math.max(1, Math.ceil(timeoutMs / 1000)))} sh -c ${quoted(script)} >"$d/o" 2>"$d/e" </dev/null; c=$?
printf '%s %s %s %s\\n' ${mark} ${String(index)} $c $(( $(now) - b )); base64 <"$d/o" | tr -d '\\n'; echo; base64 <"$d/e" | tr -d '\\n'; echo`,
  );
  return `d=$(mktemp -d); now() { read -r up _ </proc/uptime; echo "\${up%.*}\${up#*.}0"; }
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
  count: number,
): readonly (CommandResult | undefined)[] {
  const results = new Array<CommandResult | undefined>(count).fill(undefined);
  const lines = output.split("\n");
  for (const [at, line] of lines.entries()) {
    const [found, index, code, ms] = line.split(" ");
    if (found !== mark || index === undefined || code === undefined || ms === undefined) continue;
    const exitCode = Number(code);
    results[Number(index)] = {
      exitCode,
      stdout: Buffer.from(lines[at + 1] ?? "", "base64").toString("utf8"),
      stderr: Buffer.from(lines[at + 2] ?? "", "base64").toString("utf8"),
      timedOut: exitCode === 124 || exitCode === 143,
      durationMs: Number(ms),
    };
  }
  return results;
}
