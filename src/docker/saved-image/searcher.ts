/** Searches a stream of chunks for values, across chunk borders too. */
export function searcher(values: readonly Buffer[]): { take(chunk: Buffer): void; found(): boolean } {
  const longest = Math.max(0, ...values.map((value) => value.length));
  let tail: Buffer = Buffer.alloc(0);
  let found = false;
  const holds = (bytes: Buffer): boolean => values.some((value) => bytes.includes(value));
  return {
    take(chunk) {
      if (found || longest === 0) return;
      // The border first: it is short, so nothing long is copied.
      const border = tail.length === 0 ? tail : Buffer.concat([tail, chunk.subarray(0, longest - 1)]);
      found = holds(border) || holds(chunk);
      const last = chunk.length >= longest ? chunk : Buffer.concat([tail, chunk]);
      tail = last.subarray(Math.max(0, last.length - longest + 1));
    },
    found: () => found,
  };
}
