import { mkdir, mkdtemp, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { Failure, hasErrno, messageOf } from "./errors";

/** The file's bytes, or undefined when there is no such file. Any other trouble is thrown. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Writes a file so that readers see the old or the new content, never a part: temp file beside it, fsync, rename. Parents are made. */
export async function writeAtomically(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(data);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Failure({
      code: "WRITE_FAILED",
      kind: "environment",
      message: `${path} could not be written: ${messageOf(error)}`,
      hint: "Check that the folder exists, is writable and has space left.",
      cause: error,
    });
  }
}

/** Runs `use` with a fresh private (0700) folder that is removed afterwards, whatever happens. */
export async function withTemporaryFolder<T>(
  prefix: string,
  use: (folder: string) => Promise<T>,
  parent: string = tmpdir(),
): Promise<T> {
  const folder = await mkdtemp(join(parent, prefix));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface FoundFile {
  /** Path below the folder, with forward slashes. */
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
}

/** All regular files below a folder, sorted by path; an absent folder has none. */
export async function listFiles(folder: string): Promise<readonly FoundFile[]> {
  let entries;
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const full = join(entry.parentPath, entry.name);
        const { size, mtimeMs, mode } = await stat(full);
        return { path: full.slice(folder.length + 1), size, mtimeMs, mode: mode & 0o777 };
      }),
  );
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
