import { RE2JS } from "re2js";
import type { CheckVerdict } from "../check";
import { shown } from "../report";
import { bothWays, type Patterns } from "./schema";

/** One expectation of a test, and what was found. */
export interface Asked {
  readonly expected: string;
  readonly seen: string;
  readonly holds: boolean;
  readonly hint?: string | undefined;
}

function together(parts: readonly string[]): string {
  return shown([...new Set(parts)].join("; "));
}

/** Failed, with the unmet expectations; or passed, with everything expected and seen. */
export function judged(asked: readonly Asked[]): CheckVerdict {
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

/** A single expectation that is not met. */
export function unmet(expected: string, seen: string, hint?: string): CheckVerdict {
  return judged([{ expected, seen, holds: false, hint }]);
}

/** A hint for common surprises with expressions that do not match a text. */
function patternHint(missing: readonly string[], text: string): string | undefined {
  if (text.endsWith("\n") && missing.some((pattern) => pattern.endsWith("$") && !pattern.startsWith("(?m)")))
    return "Output is not trimmed, and $ is the end of the whole text: write (?m) in front, or \\n before $.";
  return text.includes("\n") &&
    missing.some((pattern) => /(?<!\\)\./u.test(pattern) && !pattern.startsWith("(?s)"))
    ? "A dot stops at the end of a line: write (?s) in front if it should not."
    : undefined;
}

/** Expectations for a text: RE2 patterns, searched unanchored and without flags, like Go's regexp.MatchString. */
export function patternsAsked(what: string, text: string, patterns: Patterns | undefined): readonly Asked[] {
  const { match, not } = bothWays(patterns);
  const found = (pattern: string): boolean => RE2JS.compile(pattern).matcher(text).find();
  const seen = `${what}: ${JSON.stringify(shown(text))}`;
  const missing = match.filter((pattern) => !found(pattern));
  const hint = patternHint(missing, text);
  const asked = (pattern: string, verb: string, holds: boolean): Asked => ({
    expected: `${what} ${verb} ${pattern}`,
    seen,
    holds,
    hint,
  });
  return [
    ...match.map((pattern) => asked(pattern, "to match", !missing.includes(pattern))),
    ...not.map((pattern) => asked(pattern, "not to match", !found(pattern))),
  ];
}
