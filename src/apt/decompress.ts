import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type * as XzPackage from "xz-decompress";
import { messageOf } from "../support/errors";
import { unzstd } from "../support/files/zstd";

/** A compression, as the ending of a file's name. */
export type Compression = "" | ".gz" | ".xz" | ".zst";

/**
 * Decompresses a whole file.
 * @param limitBytes protects against decompression bombs
 * @throws Error with the reason
 */
export async function decompress(
  data: Uint8Array,
  compression: Compression,
  limitBytes: number,
): Promise<Uint8Array> {
  if (compression === "") return data;
  const tooLarge = new Error(`it unpacks to more than ${String(limitBytes)} bytes`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of await unpackedBy(compression, data)) {
      size += chunk.length;
      if (size > limitBytes) throw tooLarge;
      chunks.push(Uint8Array.from(chunk));
    }
  } catch (error) {
    if (error === tooLarge) throw error;
    throw new Error(`it is not whole, or not ${compression.slice(1)} (${messageOf(error)})`, {
      cause: error,
    });
  }
  return Buffer.concat(chunks);
}

function unpackedBy(
  compression: Exclude<Compression, "">,
  data: Uint8Array,
): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>> {
  if (compression === ".xz") return unxz(data);
  return compression === ".zst" ? unzstd([data]) : Readable.from([data]).pipe(createGunzip());
}

async function unxz(data: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
  // The package is CommonJS from a bundler: Node finds its exports only under `default`, other loaders by name.
  const loaded: typeof XzPackage & { readonly default?: typeof XzPackage } = await import("xz-decompress");
  const { XzReadableStream } = loaded.default ?? loaded;
  return new XzReadableStream(new Blob([data]).stream());
}
