import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type * as XzPackage from "xz-decompress";
import { unzstd } from "../support/zstd";

/** A compression, from a file name's extension. */
export type Compression = "none" | "gz" | "xz" | "zst";

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
  if (compression === "none") return data;
  if (compression === "gz") return promisify(gunzip)(data, { maxOutputLength: limitBytes });
  return bytesOf(compression === "xz" ? await unxz(data) : unzstd([data]), limitBytes);
}

async function bytesOf(unpacked: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of unpacked) {
    size += chunk.length;
    if (size > limitBytes) throw new Error(`it unpacks to more than ${String(limitBytes)} bytes`);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

async function unxz(data: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
  // The package is CommonJS from a bundler: Node finds its exports only under `default`, other loaders by name.
  const loaded: typeof XzPackage & { readonly default?: typeof XzPackage } = await import("xz-decompress");
  const { XzReadableStream } = loaded.default ?? loaded;
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(data);
      controller.close();
    },
  });
  return new XzReadableStream(source);
}
