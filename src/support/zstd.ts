/** More than any encoder asks a reader to keep: `zstd --ultra -22` stays within it. */
const WINDOW_LIMIT_BYTES = 128 * 1024 * 1024;
/** A block never holds more (RFC 8878, 3.1.1.2.4). */
const BLOCK_LIMIT_BYTES = 128 * 1024;
/** How much is unpacked at a time: a block may be four bytes long, so that this much stands for 32 MiB at most. */
const SLICE_BYTES = 1024;

/** How a frame begins (RFC 8878, 3.1.1). */
export const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Unpacks zstd as its bytes come, holding 32 MiB at most beside its window: who asks counts, and stops where it is too much. Node 20 has
 * no zstd of its own.
 * @throws Error that says why the bytes cannot be unpacked
 */
export async function* unzstd(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const { Decompress } = await import("fzstd");
  const ready: Buffer[] = [];
  const stream = new Decompress((chunk) => {
    if (chunk.length > BLOCK_LIMIT_BYTES) throw new Error("it has a block larger than zstd allows");
    ready.push(Buffer.from(chunk));
  });
  let isFirst = true;
  for await (const chunk of bytes) {
    if (isFirst && chunk.length > 0) refuseWindow(chunk);
    isFirst &&= chunk.length === 0;
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      stream.push(chunk.subarray(at, at + SLICE_BYTES));
      yield* ready.splice(0);
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* ready.splice(0);
}

/** A frame's header says how much memory its reader sets aside (RFC 8878, 3.1.1.1.2). */
function refuseWindow(head: Uint8Array): void {
  const descriptor = head[4] ?? 0;
  if (windowBytes(head, descriptor) > WINDOW_LIMIT_BYTES)
    throw new Error(`its reader would need a window of more than ${String(WINDOW_LIMIT_BYTES)} bytes`);
}

function windowBytes(head: Uint8Array, descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const window = head[5] ?? 0;
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const size = head.subarray(at, at + 2 ** (descriptor >> 6));
  return size.reduceRight((sum, byte) => sum * 256 + byte, 0);
}
