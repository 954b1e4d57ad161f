/** Keeps the last `limit` bytes of a program's output. */
export function lastBytes(limit: number): { take(data: Buffer): void; text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    take(data) {
      chunks.push(data);
      size += data.length;
      for (let first = chunks[0]; first !== undefined && size - first.length >= limit; first = chunks[0]) {
        size -= first.length;
        chunks.shift();
      }
    },
    text: () => Buffer.concat(chunks).subarray(-limit).toString("utf8"),
  };
}
