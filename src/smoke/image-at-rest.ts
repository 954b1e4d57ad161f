import { extract } from "tar-stream";
import type { Engine } from "../docker/room";
import type { ImageAtRest, ImageFile } from "./check";

interface Scan {
  readonly files: readonly ImageFile[];
  readonly holding: readonly string[];
}

const KINDS: Readonly<Record<string, ImageFile["kind"]>> = { file: "file", directory: "directory", symlink: "symlink", "contiguous-file": "file", link: "file" };

/** Whether a stream of chunks holds one of the values, also across the border of two chunks. */
function searcher(values: readonly Buffer[]): { take(chunk: Buffer): void; found: () => boolean } {
  const longest = Math.max(0, ...values.map((value) => value.length));
  let tail = Buffer.alloc(0);
  let found = false;
  return {
    take(chunk) {
      if (found || longest === 0) return;
      const window = Buffer.concat([tail, chunk]);
      found = values.some((value) => window.includes(value));
      tail = window.subarray(Math.max(0, window.length - longest + 1));
    },
    found: () => found,
  };
}

/** Reads every layer of an image once, as `docker save` gives it: its files, and which of them hold a value. */
async function scanLayers(engine: Engine, image: string, values: readonly string[]): Promise<Scan> {
  const wanted = values.map((value) => Buffer.from(value));
  const files = new Map<string, ImageFile>();
  const holding: string[] = [];
  const outer = ((await engine.docker.getImage(image).get()) as NodeJS.ReadableStream).pipe(extract());
  for await (const part of outer) {
    // Layers are tars of their own: <id>/layer.tar, or blobs/sha256/… from newer engines (JSON blobs are small and no tars).
    if (!/(layer\.tar|blobs\/sha256\/[0-9a-f]{64})$/u.test(part.header.name) || (part.header.size ?? 0) < 1024) {
      part.resume();
      continue;
    }
    try {
      for await (const entry of part.pipe(extract())) {
        const path = entry.header.name.replace(/^\.?\//u, "").replace(/\/$/u, "");
        const search = searcher(wanted);
        for await (const chunk of entry as AsyncIterable<Buffer>) search.take(chunk);
        if (search.found()) holding.push(`/${path}`);
        const kind = KINDS[entry.header.type ?? "file"] ?? "other";
        if (path !== "") files.set(path, { path, kind, mode: entry.header.mode ?? 0, size: entry.header.size ?? 0, uid: entry.header.uid ?? 0, gid: entry.header.gid ?? 0 });
      }
    } catch (error) {
      // A blob that is not a tar is configuration, which is looked at by itself.
      if (!/Invalid tar header|Unexpected end/u.test(String(error))) throw error;
      part.resume();
    }
  }
  return { files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), holding };
}

/** An image as the checks see it without starting it. The layers are read once, when first asked for. */
export async function imageAtRest(engine: Engine, image: string, secrets: readonly string[], readFile: ImageAtRest["readFile"]): Promise<ImageAtRest> {
  const [inspected, history] = await Promise.all([
    engine.docker.getImage(image).inspect(),
    engine.docker.getImage(image).history() as Promise<readonly { readonly CreatedBy: string; readonly Size: number }[]>,
  ]);
  const { Config: config } = inspected;
  let scan: Promise<Scan> | undefined;
  const scanned = (): Promise<Scan> => (scan ??= scanLayers(engine, image, secrets));
  const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : typeof value === "string" && value !== "" ? [value] : []);
  return {
    config: {
      env: list(config.Env),
      entrypoint: list(config.Entrypoint),
      cmd: list(config.Cmd),
      labels: (config.Labels as Record<string, string> | null) ?? {},
      user: config.User,
      workdir: config.WorkingDir,
    },
    history: history.map((layer) => ({ createdBy: layer.CreatedBy, sizeBytes: layer.Size })),
    sizeBytes: inspected.Size,
    files: async () => (await scanned()).files,
    readFile,
    pathsHolding: async (values) => (values.length === 0 ? [] : (await scanned()).holding),
  };
}
