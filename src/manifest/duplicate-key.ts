import { versionsBeginAt } from "./layout";

export interface DuplicateKey {
  readonly key: string;
  /** Offset of the second one in the text. */
  readonly position: number;
}

/**
 * The first key that stands twice in one object of a manifest's text, which JSON.parse would silently settle in favour of the
 * last. The text must be valid JSON. Of a text that this program laid out the versions are counted: when as many begin there as
 * JSON.parse found, none was settled away. The rest of it is looked at key by key.
 * @param value what JSON.parse found; undefined: look at every key of the whole text
 */
export function duplicateKey(text: string, value?: unknown): DuplicateKey | undefined {
  const versions = versionsOf(value);
  const begin = versions === undefined ? undefined : versionsBeginAt(text, value as object);
  if (versions === undefined || begin === undefined) return keyTwice(text);
  const outside = keyTwice(text.slice(0, begin).concat("\n}"));
  if (outside !== undefined) return outside;
  const count = Object.keys(versions).length;
  return EACH_VERSION_HAS.every((part) => countOf(part, text, begin) === count) ? undefined : keyTwice(text);
}

function versionsOf(value: unknown): object | undefined {
  const versions = (value as { readonly versions?: unknown } | null | undefined)?.versions;
  return typeof versions === "object" && versions !== null ? versions : undefined;
}

/** A line of its own where the program laid it out, and a field that no version lacks wherever somebody put it by hand. */
const EACH_VERSION_HAS = ['\n    "', '"inputsDigest"'];

/** How often a part stands in a text from `begin` on: some megabytes in a few milliseconds. */
function countOf(part: string, text: string, begin: number): number {
  let count = 0;
  for (let at = text.indexOf(part, begin); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

/** Looks at every key of a text that is JSON (a comma before the last brace does no harm). */
function keyTwice(text: string): DuplicateKey | undefined {
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
      const key = unescaped(text.slice(begin, at + 1));
      if (keys.has(key)) return { key, position: begin };
      keys.add(key);
    }
  }
  return undefined;
}

/** A key as JSON.parse sees it: the same one may be written with and without escapes. */
function unescaped(quoted: string): string {
  return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}
