import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Engine } from "../docker/index";
import type { Host } from "../support/host";
import type { ImageArchive } from "./load-archive";

/** Writes a local image to a file as `docker save` gives it; the file is there whole or not at all. */
export async function saveArchive(
  host: Host,
  engine: Engine,
  reference: string,
  file: string,
): Promise<ImageArchive> {
  const partial = `${file}.partial`;
  await mkdir(dirname(file), { recursive: true });
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      next(null, chunk);
    },
  });
  try {
    const saved = await engine.saveImage(reference, host.signal);
    await pipeline(saved, hashing, createWriteStream(partial), { signal: host.signal });
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return { file, sha256: hash.digest("hex") };
}
