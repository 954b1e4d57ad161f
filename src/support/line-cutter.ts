/** Cuts text that comes in pieces into lines. */
export interface LineCutter {
  /** Takes the next piece; answers with the lines that are whole now. */
  take(text: string): readonly string[];
  /** What stands after the last line break. */
  rest(): string;
}

/**
 * A line cutter. What goes on for `limit` characters without a line break is a line as it stands: output without line breaks takes no more
 * memory than that.
 */
export function lineCutter(limit: number, lineBreak: RegExp = /\n/u): LineCutter {
  let partial = "";
  return {
    take(text) {
      const lines = (partial + text).split(lineBreak);
      partial = lines.pop() ?? "";
      while (partial.length >= limit) {
        lines.push(partial.slice(0, limit));
        partial = partial.slice(limit);
      }
      return lines;
    },
    rest: () => partial,
  };
}
