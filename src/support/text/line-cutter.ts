/** Cuts text that arrives in pieces into lines. */
export interface LineCutter {
  /** Takes the next piece and returns the lines that are now complete. */
  take(text: string): readonly string[];
  /** The text after the last line break. */
  rest(): string;
}

/** A line cutter. After `limit` characters without a line break it cuts there, which bounds its memory. */
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
