import stringWidth from "fast-string-width";

/** Terminal columns of a text; plain ASCII, the usual case, takes a shortcut. */
function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/u.test(text) ? text.length : stringWidth(text);
}

/**
 * Columns as wide as their contents. If the terminal is too narrow, each row becomes a record with one line per column, so nothing is
 * omitted. When piped (no width), rows stay rows.
 * @param none what is said instead where there are no rows
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  none: string,
): string {
  if (rows.length === 0) return none;
  const all = [head, ...rows];
  const cells = all.map((row) => head.map((_, column) => widthOf(row[column] ?? "")));
  const widths = head.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column] ?? 0), 0),
  );
  if (width !== undefined && widths.reduce((sum, one) => sum + one + 2, -2) > width)
    return records(head, rows);
  const line = (row: readonly string[], at: number): string => {
    const padded = row.map(
      (cell, column) => cell + " ".repeat((widths[column] ?? 0) - (cells[at]?.[column] ?? 0)),
    );
    return padded.join("  ").trimEnd();
  };
  return `${all.map(line).join("\n")}\n`;
}

/** Each row as lines of name and value. */
function records(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const longest = Math.max(...head.map(widthOf));
  return rows
    .map((row) => row.map((cell, column) => `${(head[column] ?? "").padEnd(longest)}  ${cell}\n`).join(""))
    .join("\n");
}

/** A text in lines of at most this width, broken between words. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A text for a terminal of this width: long lines break between words and continue below their last column. Piped: unchanged. */
export function fitted(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  return text
    .split("\n")
    .map((line) => {
      if (widthOf(line) <= width) return line;
      const [lead = ""] = /^.*\S {2,}(?=\S)|^ */u.exec(line.slice(0, Math.floor(width / 2))) ?? [];
      const body = wrapped(line.slice(lead.length), width - widthOf(lead));
      return `${lead}${body.join(`\n${" ".repeat(widthOf(lead))}`)}`;
    })
    .join("\n");
}

/** Age in the largest unit that fits. */
export function age(fromIso: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(fromIso)) / 1000);
  if (seconds < 60) return `${String(Math.floor(seconds))}s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}
