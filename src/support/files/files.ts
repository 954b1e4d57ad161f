import { constants, type Dirent, readFileSync, statSync } from "node:fs";
import {
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { withCleanUp } from "../processes/clean-up";
import { isOfDead, markText, thisProcess } from "../processes/alive";
import { Failure, failureOf, hasErrno, messageOf } from "../errors";

/** A manifest of a hundred thousand versions takes about 100 MB; a larger file does not fit into one string. */
const LARGEST_BYTES = 256 * 1024 * 1024;

/**
 * The file's bytes, or undefined if there is no such file. Refuses pipes, devices and sockets: reading them may never end.
 * @throws Failure NOT_A_FILE, FILE_TOO_LARGE, EISDIR (exit 2), EACCES and others of failureOf
 */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    if (hasErrno(error, "ENXIO")) throw notAFile(path);
    throw failureOf(error, path) ?? error;
  }
  try {
    const found = await handle.stat();
    if (!found.isFile() && !found.isDirectory()) throw notAFile(path);
    if (found.size > LARGEST_BYTES)
      throw new Failure({
        code: "FILE_TOO_LARGE",
        kind: "usage",
        message: `${path} has ${String(Math.round(found.size / 1_000_000))} MB; no file that is read here is that large.`,
        hint: "Check the path. A file of the project: restore it from git.",
      });
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
    hint: "Put a regular file there. A file of the project: restore it from git.",
  });
}

/** The text of a regular file, read at once; undefined if it cannot be read or is something else. */
export function textNow(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes a file that the user named. A pipe or device (/dev/stdout) is written to and a link is followed; anything else is replaced as by
 * writeAtomically.
 * @throws Failure WRITE_FAILED (exit 3 or 2)
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new Failure({
      code: "WRITE_FAILED",
      kind: "usage",
      message: `${path} could not be written: it is a folder.`,
      hint: "Give the path of a file.",
    });
  if (found === undefined || found.isFile()) {
    await writeAtomically(await realpath(path).catch(() => path), text);
    return;
  }
  try {
    // Opening a named pipe without a reader fails with this flag; without it, it would wait without end.
    const opened = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await writeFile(path, text);
    } finally {
      await opened.close();
    }
  } catch (error) {
    throw writeFailed(path, error);
  }
}

/**
 * Makes a folder and those above it, where they do not exist. With Node's `recursive` (20.20), a read-only file system or a quota looks like
 * a missing folder, and a place that takes no folders, such as /proc, never answers.
 */
export async function makeFolder(path: string, parents = true): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (hasErrno(error, "EEXIST") && (await stat(path)).isDirectory()) return;
    if (!parents || !hasErrno(error, "ENOENT")) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path, false);
  }
}

/**
 * Replaces a file so that readers see the old or the new content, never a part, even after a power cut: temporary file, fsync, rename, fsync
 * of the folder. Creates parent folders.
 * @param stillWanted asked right before the rename; on no, nothing is replaced
 * @returns whether the file was replaced
 * @throws Failure WRITE_FAILED (exit 3 or 2)
 */
export async function writeAtomically(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
  stillWanted?: () => Promise<boolean>,
): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await makeFolder(dirname(path));
    await removeLeftFiles(dirname(path));
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(data);
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
    // A failed removal must not hide the first failure; the next run removes the file.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeFailed(path, error);
  }
}

function writeFailed(path: string, error: unknown): Failure {
  const why = failureOf(error, path);
  const isUnread = hasErrno(error, "ENXIO", "EPIPE");
  const about = isUnread ? "nobody reads this pipe." : messageOf(why ?? error);
  return new Failure({
    code: "WRITE_FAILED",
    kind: why?.kind ?? "environment",
    message: `${path} could not be written: ${about.replace(`${path}: `, "")}`,
    hint:
      (isUnread ? undefined : why?.hint) ?? "Check that the folder exists, is writable and has space left.",
    cause: error,
  });
}

/** A temporary name beside `path`, with the mark of this process (see removeLeftFiles). */
function temporaryName(path: string): string {
  const name = [basename(path), markText(thisProcess()), randomBytes(6).toString("hex")].join(".");
  return join(dirname(path), `.${name}.tmp`);
}

/** Syncs a folder's names to disk. Some file systems do not support that and report it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!hasErrno(error, "EINVAL", "ENOTSUP", "EPERM")) throw error;
  } finally {
    await handle.close();
  }
}

/** Removes temporary files of `writeAtomically` beside a file, left by a killed process. Only for the file's sole writer. */
export async function removeAbandoned(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder))
    if (name.startsWith(`.${basename(path)}.`) && name.endsWith(".tmp"))
      await rm(join(folder, name), { force: true });
}

/**
 * Removes temporary files of `writeAtomically` from a folder if the process whose mark they carry is dead.
 * @param depth 1: this folder only; Infinity: everything below. Links are not followed
 */
export async function removeLeftFiles(folder: string, depth = 1): Promise<void> {
  for (const entry of await entriesIn(folder, "EACCES")) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 1) await removeLeftFiles(path, depth - 1);
    if (entry.isFile() && /^\..*\.tmp$/u.test(entry.name) && isOfDead(entry.name))
      await rm(path, { force: true });
  }
}

/** Prefix of every temporary folder's name. */
const OURS = "mesa-template-";

/**
 * Makes a private (0700) folder in `parent`. First removes those of dead processes of this machine and user: the name carries the mark of
 * the process.
 * @throws Failure NO_TEMPORARY_FOLDER (exit 3)
 * @param what its purpose, as part of the name: "bl"
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

/** Removes the folders of makeTemporaryFolder whose process was killed. */
export async function removeLeftFolders(parent: string = tmpdir()): Promise<void> {
  // A folder may be writable and not readable.
  for (const { name } of await entriesIn(parent, "EACCES")) {
    if (!name.startsWith(OURS) || !isOfDead(name)) continue;
    const path = join(parent, name);
    // Another run may have removed it by now.
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() === true && found.uid === process.getuid?.())
      await rm(path, { recursive: true, force: true });
  }
}

/** Runs `use` with a temporary folder (makeTemporaryFolder), and removes the folder afterwards in every case. */
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

/** What a folder contains; nothing if there is no such folder, or reading it fails with one of these errno names. */
export async function entriesIn(folder: string, ...unread: readonly string[]): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR", ...unread)) return [];
    throw error;
  }
}

/** The names in a folder, sorted; none if there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await entriesIn(folder)).map(({ name }) => name).sort();
}

export interface FoundFile {
  /** Path below the folder, with forward slashes. */
  readonly path: string;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
}

/** All files below a folder, sorted by path, links followed; none if it does not exist. */
export async function listFiles(folder: string): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const name of await namesIn(folder)) {
    const status = await stat(join(folder, name));
    if (status.isFile()) files.push({ path: name, mode: status.mode & 0o777 });
    if (status.isDirectory())
      for (const file of await listFiles(join(folder, name)))
        files.push({ ...file, path: `${name}/${file.path}` });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
