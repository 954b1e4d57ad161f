import { RE2JS } from "re2js";
import { messageOf } from "../support/errors";
import type { CheckVerdict } from "./check";

/** A verdict with what was expected. */
export type Judged = CheckVerdict & { readonly expected?: string };

/** One expectation of a test, and what was found. */
export interface Asked {
  readonly expected: string;
  readonly seen: string;
  readonly holds: boolean;
  readonly hint?: string | undefined;
}

const SHOWN = 600;

/** A text shortened for the report. */
export function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function together(parts: readonly string[]): string {
  return shown([...new Set(parts)].join("; "));
}

/** Failed, with the unmet expectations; or passed, with everything expected and seen. */
export function judged(asked: readonly Asked[]): Judged {
  const faults = asked.filter((one) => !one.holds);
  const reported = faults.length === 0 ? asked : faults;
  const hint = faults.find((fault) => fault.hint !== undefined)?.hint;
  return {
    outcome: faults.length === 0 ? "passed" : "failed",
    expected: together(reported.map((one) => one.expected)),
    seen: together(reported.map((one) => one.seen)),
    ...(hint === undefined ? {} : { hint }),
  };
}

export const invalidTest = (why: string): Judged =>
  judged([{ expected: "a complete test", seen: why, holds: false }]);

/** Why a pattern is not RE2; undefined if it is. */
export function whyNoPattern(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** A hint for common surprises with expressions that do not match a text. */
function patternHint(missing: readonly string[], text: string): string | undefined {
  if (text.endsWith("\n") && missing.some((pattern) => pattern.endsWith("$") && !pattern.startsWith("(?m)")))
    return "Output is not trimmed, and $ is the end of the whole text: write (?m) in front, or \\n before $.";
  return text.includes("\n") &&
    missing.some((pattern) => pattern.includes(".") && !pattern.startsWith("(?s)"))
    ? "A dot stops at the end of a line: write (?s) in front if it should not."
    : undefined;
}

/**
 * Expectations for a text: RE2 patterns that must match and patterns that must not, searched unanchored and without flags, like Go's
 * regexp.MatchString.
 */
export function textAsked(
  what: string,
  text: string,
  expected: readonly string[],
  excluded: readonly string[],
): readonly Asked[] {
  const found = (pattern: string): boolean => RE2JS.compile(pattern).matcher(text).find();
  const missing = expected.filter((pattern) => !found(pattern));
  const seen = `${what}: ${JSON.stringify(shown(text))}`;
  const hint = patternHint(missing, text);
  return [
    ...expected.map((pattern) => ({
      expected: `${what} to match ${pattern}`,
      seen,
      holds: !missing.includes(pattern),
      hint,
    })),
    ...excluded.map((pattern) => ({
      expected: `${what} not to match ${pattern}`,
      seen,
      holds: !found(pattern),
      hint,
    })),
  ];
}
