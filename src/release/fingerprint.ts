import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../support/digest";
import { hasErrno } from "../support/errors";

/** A file as it was when its template was rendered. */
export interface FileStamp {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly sha256: string;
}

export type Fingerprint = readonly FileStamp[];

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** All files that decide what a template renders to, and what it was rendered to; sorted. Records of earlier builds do not count. */
async function decidingFiles(folders: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(folders.map(filesBelow));
  return found
    .flat()
    .filter((path) => !path.includes("/records/"))
    .sort();
}

/** Size, time and content hash of every file below the folders. */
export async function takeFingerprint(folders: readonly string[]): Promise<Fingerprint> {
  return Promise.all(
    (await decidingFiles(folders)).map(async (path) => {
      const [{ size, mtimeMs }, data] = await Promise.all([stat(path), readFile(path)]);
      return { path, size, mtimeMs, sha256: sha256(data) };
    }),
  );
}

/** Whether the folders still hold exactly these bytes. Size and time answer for untouched files; the content hash is the truth for the rest. */
export async function stillMatches(fingerprint: Fingerprint, folders: readonly string[]): Promise<boolean> {
  const paths = await decidingFiles(folders);
  if (paths.length !== fingerprint.length) return false;
  const same = await Promise.all(
    fingerprint.map(async (stamp, index) => {
      if (paths[index] !== stamp.path) return false;
      const { size, mtimeMs } = await stat(stamp.path);
      if (size !== stamp.size) return false;
      return mtimeMs === stamp.mtimeMs || sha256(await readFile(stamp.path)) === stamp.sha256;
    }),
  );
  return same.every(Boolean);
}
