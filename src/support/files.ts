import { constants } from "node:fs";
import { lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { withCleanUp } from "./clean-up";
import { isOfDead, markText, thisProcess } from "./alive";
import { Failure, failureOf, hasErrno, messageOf } from "./errors";

/**
 * The file's bytes, or undefined when there is no such file. A named pipe, a device or a socket is refused before it is read:
 * a pipe without a writer blocks for ever, a device may never end.
 * @throws Failure NOT_A_FILE, EISDIR (exit 2), EACCES and others of failureOf
 */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return undefined;
    if (hasErrno(error, "ENXIO")) throw notAFile(path);
    throw failureOf(error, path) ?? error;
  }
  try {
    const found = await handle.stat();
    if (!found.isFile() && !found.isDirectory()) throw notAFile(path);
    return await handle.readFile();
  } catch (error) {
    throw failureOf(error, path) ?? error;
  } finally {
    await handle.close();
  }
}

function notAFile(path: string): Failure {
  return new Failure({
    code: "NOT_A_FILE",
    kind: "usage",
    message: `${path} is not a regular file (it is a pipe, a device or a socket).`,
    hint: "Remove it, or restore the file from git.",
  });
}

/** Writes a file so that readers see the old or the new content, never a part: temp file beside it, fsync, rename. Parents are made. */
export async function writeAtomically(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  await replaceFile(path, [data], mode);
}

/**
 * The same for content in pieces, and with a last look before the rename: when `stillWanted` says no, nothing is replaced.
 * The folder is synced too, so that the new name outlives a power cut.
 * @returns whether the file was replaced
 */
export async function replaceFile(
  path: string,
  pieces: readonly (string | Uint8Array)[],
  mode = 0o644,
  stillWanted?: () => Promise<boolean>,
): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeLeftFiles(dirname(path));
    const handle = await open(temporary, "wx", mode);
    try {
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (stillWanted !== undefined && !(await stillWanted())) {
      await rm(temporary, { force: true });
      return false;
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    // A failing removal must not hide what failed first; the next run removes the file.
    await rm(temporary, { force: true }).catch(() => undefined);
    const why = failureOf(error, path);
    throw new Failure({
      code: "WRITE_FAILED",
      kind: why?.kind ?? "environment",
      message: `${path} could not be written: ${messageOf(why ?? error).replace(`${path}: `, "")}`,
      hint: why?.hint ?? "Check that the folder exists, is writable and has space left.",
      cause: error,
    });
  }
}

/** A name for a file that becomes the one at `path`, beside it, with the mark of this process: see removeLeftFiles. */
export function temporaryName(path: string): string {
  const name = [basename(path), markText(thisProcess()), randomBytes(6).toString("hex")].join(".");
  return join(dirname(path), `.${name}.tmp`);
}

/** Brings a folder's names to disk; some file systems know no such thing, and say so. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EPERM"].some((code) => hasErrno(error, code))) throw error;
  } finally {
    await handle.close();
  }
}

/** Temp files of `writeAtomically` beside a file, left there by a process that was killed. Only for who may be its only writer. */
export async function removeAbandoned(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder))
    if (name.startsWith(`.${basename(path)}.`) && name.endsWith(".tmp"))
      await rm(join(folder, name), { force: true });
}

/**
 * Removes what `writeAtomically` left in a folder when its process was killed: their names carry that process's mark.
 * @param depth 1 for the folder alone; Infinity for everything below it. Links are not followed
 */
export async function removeLeftFiles(folder: string, depth = 1): Promise<void> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].some((code) => hasErrno(error, code))) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 1) await removeLeftFiles(path, depth - 1);
    if (entry.isFile() && /^\..*\.tmp$/u.test(entry.name) && isOfDead(entry.name))
      await rm(path, { force: true });
  }
}

/** What every temporary folder's name begins with. */
const OURS = "mesa-template-";

/**
 * Makes a private (0700) folder in `parent`, after those were removed there that processes of ours left when they were killed: a
 * name carries the mark of its process. A folder of another machine, of another user, or of a process that lives, is left alone.
 * @throws Failure NO_TEMPORARY_FOLDER (exit 3)
 * @param what it is for, as a part of its name: "bl"
 */
export async function makeTemporaryFolder(what: string, parent: string = tmpdir()): Promise<string> {
  try {
    await removeLeftFolders(parent);
    return await mkdtemp(join(parent, `${OURS}${what}-${markText(thisProcess())}-`));
  } catch (error) {
    throw new Failure({
      code: "NO_TEMPORARY_FOLDER",
      kind: "environment",
      message: `No temporary folder can be made in ${parent}: ${messageOf(failureOf(error) ?? error)}`,
      hint: "Set TMPDIR to a writable folder with free space.",
      cause: error,
    });
  }
}

async function removeLeftFolders(parent: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(parent);
  } catch (error) {
    // A folder that may be written into and not be looked into.
    if (hasErrno(error, "EACCES")) return;
    throw error;
  }
  for (const name of names)
    if (name.startsWith(OURS) && isOfDead(name)) await removeOwnFolder(join(parent, name));
}

async function removeOwnFolder(path: string): Promise<void> {
  try {
    const found = await lstat(path);
    if (!found.isDirectory() || found.uid !== process.getuid?.()) return;
  } catch (error) {
    // Another run that found it was faster.
    if (hasErrno(error, "ENOENT")) return;
    throw error;
  }
  await rm(path, { recursive: true, force: true });
}

/** Runs `use` with a folder of `makeTemporaryFolder` that is removed afterwards, whatever happens. */
export async function withTemporaryFolder<T>(
  what: string,
  use: (folder: string) => Promise<T>,
  parent: string = tmpdir(),
): Promise<T> {
  const folder = await makeTemporaryFolder(what, parent);
  return withCleanUp(
    () => use(folder),
    () => rm(folder, { recursive: true, force: true }),
    // The next run removes it.
    () => undefined,
  );
}

/** The names in a folder, sorted; none where there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (hasErrno(error, "ENOENT") || hasErrno(error, "ENOTDIR")) return [];
    throw error;
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
  const files: FoundFile[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const full = join(entry.parentPath, entry.name);
    const { size, mtimeMs, mode } = await stat(full);
    files.push({ path: full.slice(folder.length + 1), size, mtimeMs, mode: mode & 0o777 });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
