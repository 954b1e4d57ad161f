import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Engine } from "../docker/index";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";

/** An image as `docker save` writes it, in a file. */
export interface ImageArchive {
  /** Absolute path. */
  readonly file: string;
  /** Hex. */
  readonly sha256: string;
}

/**
 * Takes an archived image into the engine, having seen that the file is whole.
 * @throws Failure ARCHIVE_DAMAGED (upstream), ENGINE_FAILED (environment)
 */
export async function loadArchive(
  host: Host,
  engine: Engine,
  template: string,
  { file, sha256 }: ImageArchive,
): Promise<void> {
  const got = await hashOf(file, template);
  if (got !== sha256) throw damaged(file, template, `its sha256 is ${got}, and ${sha256} was written down`);
  await engine.loadImages(createReadStream(file), host.signal);
}

async function hashOf(file: string, template: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw damaged(file, template, messageOf(error), error);
  }
  return hash.digest("hex");
}

function damaged(file: string, template: string, why: string, cause?: unknown): Failure {
  return new Failure({
    code: "ARCHIVE_DAMAGED",
    kind: "upstream",
    template,
    message: `${file} is not the image that was put there: ${why}.`,
    hint: "Copy the vendored folder again, or build from its inputs: --force.",
    cause,
  });
}
