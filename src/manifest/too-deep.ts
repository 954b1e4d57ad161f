/** Nothing in a manifest is a tenth as deep. Much deeper values cannot be written again: what writes JSON goes down by calling itself. */
const DEEPEST = 100;

/** How the end of something deep looks, on one line or on many: whether a text is worth looking at brace by brace. */
const SIGNS = [
  "}".repeat(DEEPEST),
  "]".repeat(DEEPEST),
  "]}".repeat(DEEPEST / 2),
  `\n${" ".repeat(DEEPEST)}`,
];

/**
 * The offset at which a JSON text goes deeper than any manifest does, or undefined. It finds what is deep by accident or made
 * so with a loop; not what hides on purpose.
 */
export function tooDeepAt(text: string): number | undefined {
  if (!SIGNS.some((sign) => text.includes(sign))) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "{" || char === "[") {
      depth += 1;
      if (depth > DEEPEST) return at;
    } else if (char === "}" || char === "]") depth -= 1;
    else if (char === '"') for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
  }
  return undefined;
}
