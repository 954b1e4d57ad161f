/**
 * A paragraph of a control file: field name in lower case → value. Continuation lines are joined by newlines, each without its leading
 * blank.
 */
export type Paragraph = ReadonlyMap<string, string>;

const NAME = /^[!"$-,.-9;-~][!-9;-~]*$/u;

/** All paragraphs of a control file; see eachParagraph. */
export function parseControl(text: string): readonly Paragraph[] {
  return [...eachParagraph(text)];
}

/**
 * Reads a control file (deb822(5)) paragraph by paragraph: paragraphs separated by blank lines, `Name: value` fields with case-insensitive
 * names, continuation lines that begin with a blank (" ." is an empty one), comment lines that begin with #. A duplicate field is an error,
 * because readers could disagree on its value. Takes linear time for any text.
 * @throws Error with the line's number and text
 */
export function* eachParagraph(text: string): Generator<Paragraph> {
  let current: Map<string, string> | undefined;
  let field: string | undefined;
  let number = 0;
  for (const line of trimmedLines(text)) {
    number += 1;
    if (line === "") {
      if (current !== undefined) yield current;
      current = undefined;
      field = undefined;
    } else if (line.startsWith("#")) {
      continue;
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      if (current === undefined || field === undefined) throw malformed(number, line);
      const rest = line.slice(1);
      current.set(field, `${current.get(field) ?? ""}\n${rest === "." ? "" : rest}`);
    } else {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(0, colon));
      if (!NAME.test(name)) throw malformed(number, line);
      current ??= new Map();
      field = name.toLowerCase();
      if (current.has(field)) throw malformed(number, line);
      current.set(field, line.slice(colon + 1).trimStart());
    }
  }
  if (current !== undefined) yield current;
}

function malformed(line: number, text: string): Error {
  const shown = JSON.stringify(text.slice(0, 80));
  return new Error(`line ${String(line)} is neither a field nor a continuation of one: ${shown}`);
}

/** The lines of a text without blanks and carriage returns at their ends. */
function* trimmedLines(text: string): Generator<string> {
  for (let at = 0; at <= text.length;) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    yield text.slice(at, end).trimEnd();
    at = end + 1;
  }
}
