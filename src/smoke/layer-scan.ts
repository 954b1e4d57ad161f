import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import type { ImageFile } from "./check";

/** What all layers of an image hold, those files included that a later layer hides: whoever can pull the image can read them. */
export interface LayerScan {
  readonly files: readonly ImageFile[];
  /** Paths of files that hold one of the values that were looked for. */
  readonly holding: readonly string[];
}

const KINDS: Readonly<Record<string, ImageFile["kind"]>> = {
  file: "file",
  "contiguous-file": "file",
  link: "file",
  directory: "directory",
  symlink: "symlink",
};

/** Whether a stream of chunks holds one of the values, also across the border of two chunks. */
export function searcher(values: readonly Buffer[]): { take(chunk: Buffer): void; found(): boolean } {
  const longest = Math.max(0, ...values.map((value) => value.length));
  let tail: Buffer = Buffer.alloc(0);
  let found = false;
  return {
    take(chunk) {
      if (found || longest === 0) return;
      const window = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      found = values.some((value) => window.includes(value));
      tail = Buffer.from(window.subarray(Math.max(0, window.length - longest + 1)));
    },
    found: () => found,
  };
}

/**
 * Reads an image as `docker save` writes it, once. Which parts are layers is told by their bytes, because their names differ
 * between engines: <id>/layer.tar, <digest>.tar, blobs/sha256/<digest>; the others are JSON.
 */
export async function scanLayers(saved: Readable, values: readonly string[]): Promise<LayerScan> {
  const wanted = values.map((value) => Buffer.from(value));
  const files = new Map<string, ImageFile>();
  const holding = new Set<string>();
  for await (const part of saved.pipe(extract())) {
    const layer = await asTar(part as AsyncIterable<Buffer>);
    if (layer === undefined) continue;
    for await (const entry of layer.pipe(extract())) {
      const path = entry.header.name.replace(/^\.?\//u, "").replace(/\/$/u, "");
      const search = searcher(wanted);
      for await (const chunk of entry as AsyncIterable<Buffer>) search.take(chunk);
      if (search.found()) holding.add(`/${path}`);
      if (path !== "") files.set(path, fileOf(path, entry.header));
    }
  }
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files: sorted, holding: [...holding].sort() };
}

interface Header {
  readonly type?: string | null | undefined;
  readonly mode?: number | undefined;
  readonly size?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

function fileOf(path: string, header: Header): ImageFile {
  const { type, mode = 0, size = 0, uid = 0, gid = 0 } = header;
  return { path, kind: KINDS[type ?? "file"] ?? "other", mode, size, uid, gid };
}

/** The part as a stream of a tar, unpacked where it is compressed; undefined (and read to its end) when it is something else. */
async function asTar(part: AsyncIterable<Buffer>): Promise<Readable | undefined> {
  const chunks = part[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let next = await chunks.next();
  for (; next.done !== true && head.length < 512; next = await chunks.next())
    head = Buffer.concat([head, next.value]);
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (; next.done !== true; next = await chunks.next()) yield next.value;
  };
  if (head.subarray(257, 262).toString("latin1") === "ustar") return Readable.from(all());
  if (head[0] === 0x1f && head[1] === 0x8b) return Readable.from(all()).pipe(createGunzip());
  while (next.done !== true) next = await chunks.next();
  return undefined;
}
