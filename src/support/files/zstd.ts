/** The largest window that encoders use: `zstd --ultra -22` stays within it. */
const WINDOW_LIMIT_BYTES = 128 * 1024 * 1024;
/** Largest block (RFC 8878, 3.1.1.2.4). */
const BLOCK_LIMIT_BYTES = 128 * 1024;
/** Input bytes per step: a block can be four bytes, so one step yields at most 32 MiB. */
const SLICE_BYTES = 1024;

/** First bytes of a frame (RFC 8878, 3.1.1). */
export const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Unpacks zstd as its bytes arrive, holding at most 32 MiB beside its window. The caller counts the output and stops where it is too much.
 * Node 20 has no zstd of its own.
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
  const watch = frameWatch();
  for await (const chunk of bytes) {
    watch(chunk);
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      stream.push(chunk.subarray(at, at + SLICE_BYTES));
      yield* ready.splice(0);
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* ready.splice(0);
}

/** What the frame reader asks for next: a number of bytes, or with `skip` only to pass over them. */
interface Wanted {
  readonly bytes: number;
  readonly skip?: true;
}

/** Checks the header of every frame as the bytes pass. @throws Error if reading a frame would take too much memory */
function frameWatch(): (chunk: Uint8Array) => void {
  const frames = walkFrames();
  let wanted = frames.next();
  let held: Buffer = Buffer.alloc(0);
  let skipped = 0;
  return (chunk) => {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (wanted.done !== true && rest.length > 0) {
      const { bytes, skip } = wanted.value;
      const taken = rest.subarray(0, bytes - (skip === true ? skipped : held.length));
      rest = rest.subarray(taken.length);
      if (skip === true) skipped += taken.length;
      else held = Buffer.concat([held, taken]);
      if (Math.max(held.length, skipped) < bytes) return;
      const whole = held;
      held = Buffer.alloc(0);
      skipped = 0;
      wanted = frames.next(whole);
    }
  };
}

/** Walks through consecutive frames (RFC 8878, 3.1). Ends where no frame begins; the decoder reports that. */
function* walkFrames(): Generator<Wanted, void, Buffer> {
  for (;;) {
    const magic = yield { bytes: 4 };
    if (magic.subarray(1).equals(SKIPPABLE) && magic.readUInt8() >> 4 === 5) {
      yield* skip((yield { bytes: 4 }).readUInt32LE());
      continue;
    }
    if (!magic.equals(ZSTD_MAGIC)) return;
    const descriptor = (yield { bytes: 1 }).readUInt8();
    refuseWindow(descriptor, yield { bytes: headerBytes(descriptor) });
    for (let isLast = false; !isLast;) {
      const block = (yield { bytes: 3 }).readUIntLE(0, 3);
      isLast = (block & 1) === 1;
      // A block of one repeated byte stores it once.
      yield* skip(((block >> 1) & 3) === 1 ? 1 : block >> 3);
    }
    yield* skip((descriptor & 4) === 0 ? 0 : 4);
  }
}

/** The last three bytes of a skippable frame's magic number; the first is 0x50 to 0x5f (RFC 8878, 3.1.2). */
const SKIPPABLE = Buffer.from([0x2a, 0x4d, 0x18]);

function* skip(bytes: number): Generator<Wanted, void, Buffer> {
  if (bytes > 0) yield { bytes, skip: true };
}

const isSingleSegment = (descriptor: number): boolean => (descriptor & 0x20) !== 0;
const dictionaryBytes = (descriptor: number): number => [0, 1, 2, 4][descriptor & 3] ?? 0;

/** Length of a frame header after its descriptor (RFC 8878, 3.1.1.1). */
function headerBytes(descriptor: number): number {
  const single = isSingleSegment(descriptor);
  const size = descriptor >> 6;
  const sizeBytes = size === 0 && !single ? 0 : 2 ** size;
  return (single ? 0 : 1) + dictionaryBytes(descriptor) + sizeBytes;
}

/** Refuses a frame whose header asks for too large a window (RFC 8878, 3.1.1.1.2). */
function refuseWindow(descriptor: number, header: Buffer): void {
  if (windowBytes(descriptor, header) > WINDOW_LIMIT_BYTES)
    throw new Error(`its reader would need a window of more than ${String(WINDOW_LIMIT_BYTES)} bytes`);
}

function windowBytes(descriptor: number, header: Buffer): number {
  if (!isSingleSegment(descriptor)) {
    const window = header.readUInt8();
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const size = header.subarray(dictionaryBytes(descriptor));
  return size.reduceRight((sum, byte) => sum * 256 + byte, 0);
}
