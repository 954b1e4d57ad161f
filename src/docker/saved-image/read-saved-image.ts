import { posix } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import * as z from "zod/mini";
import { unzstd, ZSTD_MAGIC } from "../../support/files/zstd";
import { digestOf } from "../../support/text/digest";
import type { TarEntries, TarEntry } from "../tar-entries";
import { mergeLayers } from "./merge-layers";
import { readLayer, type HeldFile, type LayerEntry } from "./read-layer";

/** A step of an image's history. */
interface HistoryStep {
  readonly createdBy: string;
  /** Bytes of the files in its layer; 0 for a step without a layer. */
  readonly sizeBytes: number;
  /** Index of its layer, from 0; absent for a step without a layer. */
  readonly layer?: number;
}

/** The content of an image, by layer and merged; the same on every engine. */
export interface ImageContents {
  /** sha256:… of its configuration. */
  readonly configDigest: string;
  /** Oldest first. */
  readonly history: readonly HistoryStep[];
  /** Bytes of the files in all its layers, hidden ones included. */
  readonly sizeBytes: number;
  /**
   * Absolute paths of everything but folders in any layer, including what is hidden and the whiteouts, because whoever can pull the image
   * can read them. Sorted.
   */
  readonly inLayers: readonly string[];
  /** Absolute paths of files in any layer that contain one of the searched values. */
  readonly holding: readonly string[];
  /** The merged file system of all layers, by path, sorted. */
  readonly files: ReadonlyMap<string, HeldFile>;
}

/** A part of the archive; one without any of these is of no known kind. */
interface Part {
  /** Those of a layer; none for an empty part. */
  readonly entries?: readonly LayerEntry[];
  readonly json?: Buffer;
  /** Name of the part that it is a link to. */
  readonly sameAs?: string;
}

const LIST = "manifest.json";

/** Limit of an image's JSON, in bytes; longer parts are something else. */
const LONGEST_JSON = 16 * 1024 * 1024;

/** Format of Docker's image archive, which Podman and containerd write too (Moby, image/tarexport). */
const IMAGES = z.array(z.looseObject({ Config: z.string(), Layers: z.nullish(z.array(z.string())) }));

/** Format of the OCI image specification (config.md). */
const CONFIG = z.looseObject({
  history: z.nullish(
    z.array(z.looseObject({ created_by: z.nullish(z.string()), empty_layer: z.nullish(z.boolean()) })),
  ),
});

/**
 * Reads the output of `docker save` once, and keeps only the bytes of JSON and package databases. Detects layers by content: the archive
 * may name them anyhow (<id>/layer.tar, <digest>.tar, blobs/sha256/<digest>), put them before manifest.json, which orders them, and write
 * equal layers once, with links.
 * @param values to search for in all files
 * @throws Error if a layer or the configuration is missing, or its compression is unknown
 */
export async function readSavedImage(saved: TarEntries, values: readonly string[]): Promise<ImageContents> {
  const sought = values.map((value) => Buffer.from(value));
  const parts = new Map<string, Part>();
  for await (const part of saved) parts.set(posix.normalize(part.header.name), await readPart(part, sought));
  const [image] = z.parse(IMAGES, jsonAt(parts, LIST).json);
  if (image === undefined) throw new Error(`${LIST} names no image`);
  const layers = (image.Layers ?? []).map((name) => layerAt(parts, posix.normalize(name)));
  const config = jsonAt(parts, posix.normalize(image.Config));
  const sizes = layers.map((layer) => layer.reduce((sum, { held }) => sum + held.sizeBytes, 0));
  const pathsOf = (of: (entry: LayerEntry) => boolean): readonly string[] =>
    [
      ...new Set(
        layers
          .flat()
          .filter(of)
          .map(({ path }) => path),
      ),
    ].sort();
  return {
    configDigest: digestOf(config.bytes),
    history: historyOf(z.parse(CONFIG, config.json), sizes),
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
    inLayers: pathsOf(({ held }) => held.kind !== "directory"),
    holding: pathsOf(({ holds }) => holds),
    files: mergeLayers(layers),
  };
}

/** The steps with the sizes of their layers. Builders may omit a layer's step from the history. */
function historyOf({ history }: z.infer<typeof CONFIG>, sizes: readonly number[]): readonly HistoryStep[] {
  let next = 0;
  const steps = (history ?? []).map(({ created_by: by, empty_layer: isEmpty }): HistoryStep => {
    const createdBy = by ?? "";
    const sizeBytes = isEmpty === true ? undefined : sizes[next];
    return sizeBytes === undefined ? { createdBy, sizeBytes: 0 } : { createdBy, sizeBytes, layer: next++ };
  });
  const untold = sizes.slice(next).map((sizeBytes) => ({ createdBy: "", sizeBytes, layer: next++ }));
  return [...steps, ...untold];
}

async function readPart(part: TarEntry, sought: readonly Buffer[]): Promise<Part> {
  const { name, type, linkname } = part.header;
  if (type !== "symlink" && type !== "link") return readBytes(part as AsyncIterable<Buffer>, sought);
  part.resume();
  return { sameAs: posix.join(type === "symlink" ? posix.dirname(name) : ".", linkname) };
}

/** A part as JSON or layer, decompressed if necessary; always read to its end. */
async function readBytes(bytes: AsyncIterable<Buffer>, sought: readonly Buffer[]): Promise<Part> {
  const chunks = bytes[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let next = await chunks.next();
  for (; next.done !== true && head.length < 512; next = await chunks.next())
    head = Buffer.concat([head, next.value]);
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (; next.done !== true; next = await chunks.next()) yield next.value;
  };
  const unpack = unpackerOf(head);
  if (unpack !== undefined) return { entries: await readLayer(unpack(all()), sought) };
  const isJson = head[0] === OPENING_BRACE || head[0] === OPENING_BRACKET;
  const json = [head];
  for (let size = head.length; next.done !== true; next = await chunks.next()) {
    size += next.value.length;
    if (isJson && size <= LONGEST_JSON) json.push(next.value);
  }
  if (isJson) return { json: Buffer.concat(json) };
  return head.every((byte) => byte === 0) ? { entries: [] } : {};
}

const OPENING_BRACE = "{".charCodeAt(0);
const OPENING_BRACKET = "[".charCodeAt(0);

type Bytes = AsyncIterable<Buffer>;

/**
 * The decompression for bytes that begin like this; undefined if they are no tar. Engines save layers as they were pulled, compressed or
 * not.
 */
function unpackerOf(head: Buffer): ((bytes: Bytes) => Bytes) | undefined {
  if (head.subarray(257, 262).toString("latin1") === "ustar") return (bytes) => bytes;
  if (head[0] === 0x1f && head[1] === 0x8b) return gunzipped;
  return head.subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC) ? unzstd : undefined;
}

function gunzipped(bytes: Bytes): Bytes {
  const gunzip = createGunzip();
  // Errors of the source surface at the target, where they are read; pipe alone would leave the reader waiting.
  pipeline(Readable.from(bytes), gunzip, () => undefined);
  return gunzip;
}

function jsonAt(
  parts: ReadonlyMap<string, Part>,
  name: string,
): { readonly bytes: Buffer; readonly json: unknown } {
  const bytes = parts.get(name)?.json;
  if (bytes === undefined) throw new Error(`the image archive has no ${name}`);
  return { bytes, json: JSON.parse(bytes.toString("utf8")) };
}

function layerAt(parts: ReadonlyMap<string, Part>, name: string): readonly LayerEntry[] {
  const named = parts.get(name);
  const part = named?.sameAs === undefined ? named : parts.get(named.sameAs);
  if (part?.entries !== undefined) return part.entries;
  throw new Error(
    part === undefined
      ? `the image archive has no layer ${name}`
      : `the layer ${name} is neither a tar nor one compressed by gzip or zstd`,
  );
}
