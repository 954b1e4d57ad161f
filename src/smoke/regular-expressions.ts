import { RE2JS } from "re2js";

/** The result of matching a list of Go regular expressions against a text. */
export interface Match {
  /** Required entries without a match, and excluded entries with one. */
  readonly missing: readonly string[];
  readonly unwanted: readonly string[];
  /** Invalid RE2 expressions; they fail the test, excluded ones too. */
  readonly broken: readonly { readonly pattern: string; readonly why: string }[];
}

function compiled(pattern: string): RE2JS | { readonly why: string } {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Searches a text for each entry, unanchored and without flags, like Go's regexp.MatchString. */
export function matchAll(text: string, expected: readonly string[], excluded: readonly string[]): Match {
  const broken: { pattern: string; why: string }[] = [];
  const fits = (pattern: string): boolean | undefined => {
    const expression = compiled(pattern);
    if (!("why" in expression)) return expression.matcher(text).find();
    broken.push({ pattern, why: expression.why });
    return undefined;
  };
  const missing = expected.filter((pattern) => fits(pattern) === false);
  const unwanted = excluded.filter((pattern) => fits(pattern) === true);
  return { missing, unwanted, broken };
}

/** Whether a text matches an expression; undefined if the expression is invalid. */
export function matches(text: string, pattern: string): boolean | undefined {
  const expression = compiled(pattern);
  return "why" in expression ? undefined : expression.matcher(text).find();
}

/** A hint for common surprises with regular expressions. */
export function regexHint({ missing, broken }: Match, text: string): string | undefined {
  const [bad] = broken;
  if (bad !== undefined)
    return /\(\?[=!<]|\\[1-9]/u.test(bad.pattern)
      ? "Go's RE2 supports no look-around and no back-references: split the condition over expectedOutput and excludedOutput."
      : `It is not an RE2 expression: ${bad.why}`;
  const anchored = missing.find((pattern) => pattern.endsWith("$") && !pattern.startsWith("(?m)"));
  if (anchored !== undefined && text.endsWith("\n"))
    return "Output is not trimmed, and $ is the end of the whole text: write (?m) in front, or \\n before $.";
  const dotted = missing.find(
    (pattern) => pattern.includes(".") && text.includes("\n") && !pattern.startsWith("(?s)"),
  );
  return dotted === undefined
    ? undefined
    : "A dot stops at the end of a line: write (?s) in front if it should not.";
}

/** Why a pattern is not RE2; undefined if it is. */
export function whyNoPattern(pattern: string): string | undefined {
  const expression = compiled(pattern);
  return "why" in expression ? expression.why : undefined;
}
