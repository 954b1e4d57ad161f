import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../support/alive";
import { hasErrno } from "../support/errors";

/** The machine and the process that a folder is for stand in its name: who finds it later can tell whether that process is still there. */
const NAME = /^mesa-template-bl-(.+)-(\d+)-[A-Za-z0-9]{6}$/u;

/**
 * Makes a private folder for one use of bl in `parent`, after those were removed there that ended processes left (kill -9). A folder of
 * another machine, of another user, or of a process that is there, is left alone.
 */
export async function makeSessionFolder(parent: string): Promise<string> {
  for (const name of await namesIn(parent)) if (isLeftOver(name)) await removeOwn(join(parent, name));
  return mkdtemp(join(parent, `mesa-template-bl-${hostname()}-${String(process.pid)}-`));
}

/** What is in a folder that may be one to write into and not to look into. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "EACCES")) return [];
    throw error;
  }
}

function isLeftOver(name: string): boolean {
  const [, machine, pid] = NAME.exec(name) ?? [];
  return machine === hostname() && !isAlive(Number(pid));
}

async function removeOwn(path: string): Promise<void> {
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
