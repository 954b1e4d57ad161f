/**
 * The JSON document in bl's stdout. Lines of prose may stand before it ("Build args: 2 variable(s) detected", a note
 * about an unresolved variable), so it begins at the first line that is exactly "{" or "[" (bl 0.1.108 indents its JSON),
 * or at a line that holds a whole document ("[]").
 * @returns undefined when there is none.
 */
export function jsonIn(stdout: string): unknown {
  const lines = stdout.split("\n");
  for (const [index, line] of lines.entries()) {
    const text = line.trimEnd();
    if (text === "{" || text === "[") {
      const parsed = parseOrUndefined(lines.slice(index).join("\n"));
      if (parsed !== undefined) return parsed;
    } else if (text === "[]" || text === "{}") return parseOrUndefined(text);
  }
  return undefined;
}

/** The longest JSON document at the start of a text: prose after it is dropped line by line. */
function parseOrUndefined(text: string): unknown {
  const lines = text.split("\n");
  for (let end = lines.length; end > 0; end -= 1) {
    const last = lines[end - 1]?.trimEnd();
    if (last !== "}" && last !== "]" && last !== "[]" && last !== "{}") continue;
    try {
      return JSON.parse(lines.slice(0, end).join("\n"));
    } catch {
      continue;
    }
  }
  return undefined;
}
