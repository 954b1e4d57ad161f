/**
 * The JSON document in bl's stdout. Lines of prose may stand before it ("Build args: 2 variable(s) detected", a note
 * about an unresolved variable) and after it, so it begins at the first line from which a whole document can be read
 * (bl 0.1.108 indents its JSON: that line is "{", "[", or "[]").
 * @returns undefined when there is none.
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

/** The longest JSON document that these lines begin with: prose after it is dropped line by line. */
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
