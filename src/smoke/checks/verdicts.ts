import { shown } from "../report";
import type { CheckContext, CheckVerdict, CommandResult } from "../check";

export const PASSED: CheckVerdict = { outcome: "passed" };

export function failed(seen: string, hint: string): CheckVerdict {
  return { outcome: "failed", seen: shown(seen), hint };
}

/** Why FUSE cannot be checked: no device, or no permission. */
export function whyNoFuse({ missingDevices, notRoot }: CheckContext): string | undefined {
  return missingDevices["/dev/fuse"] ?? notRoot;
}

/** A command's output in one line. */
export function outputOf(result: CommandResult): string {
  const text = `${result.stdout}\n${result.stderr}`.trim().replaceAll(/\s*\n\s*/gu, " | ");
  return text === ""
    ? `exit ${String(result.exitCode)}, no output`
    : `exit ${String(result.exitCode)}: ${text.slice(0, 500)}`;
}

/** Passed when nothing was found. */
export function whenNone(found: readonly string[], hint: string, between = ", "): CheckVerdict {
  return found.length === 0 ? PASSED : failed(found.join(between), hint);
}
