/** One piece of a container's output. */
export interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

/**
 * Splits the output of a container without a terminal: frames of an 8-byte header (stream, three zeros, big-endian length) and the bytes
 * (Docker Engine API, "Attach to a container", stream format). Chunks may end anywhere.
 */
export function frameReader(): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= 8) {
      const length = rest.readUInt32BE(4);
      if (rest.length < 8 + length) break;
      frames.push({ stream: rest[0] === 2 ? "stderr" : "stdout", data: rest.subarray(8, 8 + length) });
      rest = rest.subarray(8 + length);
    }
    return frames;
  };
}

/** Keeps the last `limit` bytes. */
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
    text() {
      const all = Buffer.concat(chunks);
      return all.subarray(Math.max(0, all.length - limit)).toString("utf8");
    },
  };
}
