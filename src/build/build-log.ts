import { createWriteStream } from "node:fs";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import type { BuildEnding } from "../docker/index";
import { messageOf } from "../support/errors";
import { makeFolder } from "../support/files/files";
import type { Host } from "../support/host";

/**
 * Builds, and writes the whole log to a file as it arrives: the lines, and why the build failed. Creates the file's parents and replaces an
 * older one; without a path, nothing is kept. A write error does not stop the build.
 */
export async function logged(
  { redact, signal }: Host,
  path: string | undefined,
  build: (onLine: (line: string) => void) => Promise<BuildEnding>,
): Promise<BuildEnding> {
  if (path === undefined) return build(() => undefined);
  await makeFolder(dirname(path));
  const file = createWriteStream(path);
  const written = finished(file).catch(() => undefined);
  const onLine = (line: string): void => void file.write(`${redact(line)}\n`);
  try {
    const ending = await build(onLine);
    if (!ending.ok) onLine(ending.message);
    return ending;
  } catch (error) {
    signal.throwIfAborted();
    onLine(messageOf(error));
    throw error;
  } finally {
    file.end();
    await written;
  }
}
