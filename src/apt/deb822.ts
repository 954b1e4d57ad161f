/** A paragraph of a control file: field name in lower case → value. Continuation lines are joined by newlines, one leading blank taken off each. */
export type Paragraph = ReadonlyMap<string, string>;

/** A line that is neither a field, nor a continuation, nor a comment. */
export class ControlSyntaxError extends Error {
  constructor(
    /** 1-based. */
    readonly line: number,
    text: string,
  ) {
    super(
      `line ${String(line)} is neither a field nor a continuation of one: ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
}
ControlSyntaxError.prototype.name = "ControlSyntaxError";

const FIELD = /^(?<name>[!"$-,.-9;-~][!-9;-~]*):[ \t]*(?<value>.*)$/u;

/**
 * Reads a control file as deb822(5) says: paragraphs parted by blank lines, `Name: value` fields with names that have no case,
 * continuation lines that begin with a blank (" ." stands for an empty one), whole-line comments beginning with #. A field that comes
 * twice in a paragraph is an error: two readers could take different ones. Throws ControlSyntaxError.
 */
export function parseControl(text: string): readonly Paragraph[] {
  const paragraphs: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  let field: string | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/[\r \t]+$/u, "");
    if (line === "") {
      current = undefined;
      field = undefined;
    } else if (line.startsWith("#")) {
      continue;
    } else if (/^[ \t]/u.test(line)) {
      if (current === undefined || field === undefined) throw new ControlSyntaxError(index + 1, line);
      const rest = line.slice(1);
      current.set(field, `${current.get(field) ?? ""}\n${rest === "." ? "" : rest}`);
    } else {
      const match = FIELD.exec(line)?.groups;
      const name = match?.["name"]?.toLowerCase();
      if (name === undefined) throw new ControlSyntaxError(index + 1, line);
      if (current === undefined) {
        current = new Map();
        paragraphs.push(current);
      }
      if (current.has(name)) throw new ControlSyntaxError(index + 1, line);
      current.set(name, match?.["value"] ?? "");
      field = name;
    }
  }
  return paragraphs;
}
