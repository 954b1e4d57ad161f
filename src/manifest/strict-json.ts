/** Far deeper than any manifest; much deeper values exhaust the stack when written. */
const DEEPEST = 100;

/** Valid JSON that a manifest must not contain. */
export interface JsonProblem {
  /** Offset in the text. */
  readonly position: number;
  readonly message: string;
}

/**
 * Finds what JSON.parse accepts silently: a key that occurs twice in one object (the last one wins), the key `__proto__`, and values too
 * deep to be written again.
 * @param text valid JSON
 */
export function strictJsonProblem(text: string): JsonProblem | undefined {
  /** The keys of each object around the current position; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (const { 0: sign, 1: word = "", 2: colon, index: position } of text.matchAll(TOKENS)) {
    if (sign === "{" || sign === "[") {
      open.push(sign === "{" ? new Set() : undefined);
      if (open.length > DEEPEST) return { position, message: "it is nested too deeply" };
    } else if (sign === "}" || sign === "]") open.pop();
    else if (colon !== undefined) {
      // Decoded: the same key may be written with and without escapes.
      const key = word.includes("\\") ? (JSON.parse(word) as string) : word.slice(1, -1);
      if (key === "__proto__") return { position, message: '"__proto__" cannot be a key' };
      const keys = open.at(-1);
      if (keys?.has(key) === true)
        return { position, message: `the key ${JSON.stringify(key)} occurs twice` };
      keys?.add(key);
    }
  }
  return undefined;
}

/** A string with the colon that makes it a key, or a bracket. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")([ \n\r\t]*:)?|[{}[\]]/gu;
