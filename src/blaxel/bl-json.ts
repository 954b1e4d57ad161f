/**
 * The JSON document in bl's stdout. Prose may precede it ("Build args: 2 variable(s) detected", a note about an unresolved variable) and
 * follow it, so it begins at the first line from which a whole document parses (bl 0.1.108 indents its JSON: that line is "{", "[", or
 * "[]").
 * @returns undefined if there is none
 */
export function jsonIn(stdout: string): unknown {
  const lines = stdout.split("\n");
  for (const [index, line] of lines.entries()) {
    if (!/^[{[]/u.test(line)) continue;
    const parsed = longestJson(lines.slice(index));
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

/** The longest JSON document at the start of these lines; drops prose after it line by line. */
function longestJson(lines: readonly string[]): unknown {
  for (let end = lines.length; end > 0; end -= 1) {
    if (!/[}\]]\s*$/u.test(lines[end - 1] ?? "")) continue;
    try {
      return JSON.parse(lines.slice(0, end).join("\n"));
    } catch {
      continue;
    }
  }
  return undefined;
}
