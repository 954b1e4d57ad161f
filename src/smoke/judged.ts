import type { CheckVerdict } from "./check";
import { matchAll, regexHint } from "./regular-expressions";

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

/** Expectations for a text: patterns that must match and patterns that must not. */
export function textAsked(
  what: string,
  text: string,
  expected: readonly string[],
  excluded: readonly string[],
): readonly Asked[] {
  const match = matchAll(text, expected, excluded);
  const hint = regexHint(match, text);
  const seen = `${what}: ${JSON.stringify(shown(text))}`;
  const one = (pattern: string, wanted: string, unmet: readonly string[]): Asked => {
    const why = match.broken.find((broken) => broken.pattern === pattern)?.why;
    return why === undefined
      ? { expected: `${what} ${wanted} ${pattern}`, seen, holds: !unmet.includes(pattern), hint }
      : {
          expected: `${what} compared with ${pattern}`,
          seen: `not a regular expression: ${why}`,
          holds: false,
          hint,
        };
  };
  return [
    ...expected.map((pattern) => one(pattern, "to match", match.missing)),
    ...excluded.map((pattern) => one(pattern, "not to match", match.unwanted)),
  ];
}
