import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";

/** The whole log of a build, written as it arrives. */
export interface BuildLog {
  line(text: string): void;
  /** Waits until everything is written. */
  close(): Promise<void>;
}

/** Opens the log file (creates parents, replaces an older one); without a path, drops everything. A write error does not stop the build. */
export async function openBuildLog(
  path: string | undefined,
  redact: (text: string) => string,
): Promise<BuildLog> {
  if (path === undefined) return { line: () => undefined, close: () => Promise.resolve() };
  await mkdir(dirname(path), { recursive: true });
  const file = createWriteStream(path, { flags: "w" });
  const written = finished(file).catch(() => undefined);
  return {
    line: (text) => {
      file.write(`${redact(text)}\n`);
    },
    close: async () => {
      file.end();
      await written;
    },
  };
}
