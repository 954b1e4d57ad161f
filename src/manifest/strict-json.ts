/** Nothing in a manifest is a tenth as deep, and what is much deeper cannot be written again without exhausting the stack. */
const DEEPEST = 100;

/** Something that JSON.parse takes and a manifest must not hold. */
export interface JsonProblem {
  /** Offset in the text. */
  readonly position: number;
  readonly message: string;
}

/**
 * What JSON.parse would settle silently: a key that occurs twice in one object (the last one wins), the key `__proto__`, and
 * values that are too deep to be written again.
 * @param text valid JSON
 */
export function strictJsonProblem(text: string): JsonProblem | undefined {
  /** The keys of each object around the current position; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  for (let position = 0; position < text.length; position += 1) {
    const sign = text.charCodeAt(position);
    if (sign === BRACE || sign === BRACKET) {
      open.push(sign === BRACE ? new Set() : undefined);
      if (open.length > DEEPEST) return { position, message: "it is nested too deeply" };
    } else if (sign === BRACE_END || sign === BRACKET_END) open.pop();
    else if (sign === QUOTE) {
      const end = endOfString(text, position);
      const keys = open.at(-1);
      if (keys !== undefined && isBeforeColon(text, end + 1)) {
        const key = unescaped(text.slice(position + 1, end));
        if (key === "__proto__") return { position, message: '"__proto__" cannot be a key' };
        if (keys.has(key)) return { position, message: `the key ${JSON.stringify(key)} occurs twice` };
        keys.add(key);
      }
      position = end;
    }
  }
  return undefined;
}

const [QUOTE, BRACE, BRACE_END, BRACKET, BRACKET_END] = ['"', "{", "}", "[", "]"].map((sign) =>
  sign.charCodeAt(0),
);

/** A key as JSON.parse sees it: the same one may be written with and without escapes. */
function unescaped(key: string): string {
  return key.includes("\\") ? (JSON.parse(`"${key}"`) as string) : key;
}

/** Offset of the quote that ends the string which begins at an offset. */
function endOfString(text: string, begin: number): number {
  let end = text.indexOf('"', begin + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (" \n\r\t".includes(text[at] ?? ":")) at += 1;
  return text[at] === ":";
}
