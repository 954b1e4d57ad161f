/**
 * The first key that stands twice in one object of a JSON text, which JSON.parse would silently settle in favour of the
 * last. The text must be valid JSON.
 * @param parsed how many versions JSON.parse found in it: as many as there are lines for them means that none was settled away
 */
export function duplicateKey(
  text: string,
  parsed?: number,
): { readonly key: string; readonly position: number } | undefined {
  if (!asWeWriteIt(text)) return anyDuplicateKey(text);
  return countVersionLines(text) === parsed ? undefined : duplicateId(text);
}

const VERSION_LINE = '\n    "';

/** How many lines of the versions' section begin a version: some megabytes in a few milliseconds. */
function countVersionLines(text: string): number {
  const begin = text.indexOf('\n  "versions": {');
  const end = text.indexOf("\n  }", begin);
  let count = 0;
  for (
    let at = text.indexOf(VERSION_LINE, begin);
    at >= 0 && (end < 0 || at < end);
    at = text.indexOf(VERSION_LINE, at + VERSION_LINE.length)
  )
    count += 1;
  return count;
}

/** Whether the text is laid out as the program writes it: the keys of versions then stand on lines of their own. */
function asWeWriteIt(text: string): boolean {
  return text.startsWith('{\n  "') && text.includes('\n  "versions": {');
}

/** The first version that stands twice, found by its line alone. */
function duplicateId(text: string): { readonly key: string; readonly position: number } | undefined {
  const begin = text.indexOf('\n  "versions": {');
  const end = text.indexOf("\n  }", begin);
  const seen = new Set<string>();
  for (const match of text.slice(begin, end < 0 ? undefined : end).matchAll(/\n {4}"([^"\n]+)": \{/gu)) {
    const key = match[1] ?? "";
    if (seen.has(key)) return { key, position: begin + match.index + 1 };
    seen.add(key);
  }
  return undefined;
}

function anyDuplicateKey(text: string): { readonly key: string; readonly position: number } | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "{") open.push(new Set());
    else if (char === "[") open.push(undefined);
    else if (char === "}" || char === "]") open.pop();
    else if (char === '"') {
      const begin = at;
      for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
      const keys = open.at(-1);
      if (keys === undefined) continue;
      let after = at + 1;
      while (text[after] === " " || text[after] === "\n" || text[after] === "\r" || text[after] === "\t")
        after += 1;
      if (text[after] !== ":") continue;
      const key = text.slice(begin + 1, at);
      if (keys.has(key)) return { key, position: begin };
      keys.add(key);
    }
  }
  return undefined;
}
