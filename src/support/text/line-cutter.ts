export type LineCutter = ReturnType<typeof lineCutter>;

/** Cuts text that arrives in pieces into lines. After `limit` characters without a line break it cuts there, which bounds its memory. */
export function lineCutter(limit: number, lineBreak: RegExp = /\n/u) {
  let partial = "";
  return {
    /** Takes the next piece and returns the lines that are now complete. */
    take(text: string): readonly string[] {
      const lines = (partial + text).split(lineBreak);
      partial = lines.pop() ?? "";
      while (partial.length >= limit) {
        lines.push(partial.slice(0, limit));
        partial = partial.slice(limit);
      }
      return lines;
    },
    /** The text after the last line break. */
    rest: () => partial,
  };
}
