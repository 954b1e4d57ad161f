import stringWidth from "string-width";

/** Columns a text takes; plain ASCII, which most is, needs no look at each character. */
function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/u.test(text) ? text.length : stringWidth(text);
}

/**
 * Columns for people: as wide as what stands in them; on a terminal that is too narrow the last columns are left out,
 * when piped (no width) nothing is.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string {
  const all = [head, ...rows];
  const cells = all.map((row) => head.map((_, column) => widthOf(row[column] ?? "")));
  const widths = head.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column] ?? 0), 0),
  );
  let count = head.length;
  if (width !== undefined)
    while (count > 2 && widths.slice(0, count).reduce((sum, one) => sum + one + 2, -2) > width) count -= 1;
  const line = (row: readonly string[], at: number): string => {
    let text = "";
    for (let column = 0; column < count - 1; column += 1)
      text += (row[column] ?? "") + " ".repeat((widths[column] ?? 0) - (cells[at]?.[column] ?? 0) + 2);
    return (text + (row[count - 1] ?? "")).trimEnd();
  };
  return `${all.map(line).join("\n")}\n`;
}

/** How long ago, in the largest unit that fits. */
export function age(fromIso: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(fromIso)) / 1000);
  if (seconds < 60) return `${String(Math.floor(seconds))}s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}
