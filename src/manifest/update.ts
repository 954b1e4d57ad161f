import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Failure, failureOf, hasErrno, messageOf } from "../support/errors";
import { canonicalJson } from "../support/text/canonical-json";
import { holderText, withFileLock } from "../support/files/file-lock";
import { makeFolder, removeAbandoned, writeAtomically } from "../support/files/files";
import type { Host } from "../support/host";
import { refuseLinks } from "../support/files/links";
import { EMPTY_MANIFEST, type Manifest } from "./entry";
import { readManifest } from "./read";

const WAIT_LIMIT_MS = 60_000;
/** Waits shorter than this, in ms, are not reported. */
const SILENT_MS = 2_000;

/**
 * Runs `work` while holding the lock beside the manifest.
 * @throws Failure MANIFEST_LOCKED (exit 8) naming the holder after a minute
 */
async function withManifestLock<T>(host: Host, manifestPath: string, work: () => Promise<T>): Promise<T> {
  const path = `${manifestPath}.lock`;
  let announced: string | undefined;
  return withFileLock(
    host,
    path,
    {
      pauseMs: 25,
      // Removes what the dead holder left half written.
      onGone: () => removeAbandoned(manifestPath),
      onTaken: (other, waitedMs) => {
        if (waitedMs > SILENT_MS && other !== undefined && other.token !== announced) {
          announced = other.token;
          host.emit({
            type: "note",
            message: `waiting for ${holderText(other)}, which is changing the manifest`,
          });
        }
        if (waitedMs <= WAIT_LIMIT_MS) return;
        throw new Failure({
          code: "MANIFEST_LOCKED",
          kind: "manifest",
          message: `${manifestPath} is being changed by ${other === undefined ? "another run" : holderText(other)}.`,
          hint: `Wait until it ends. If it no longer runs, remove ${path}.`,
        });
      },
    },
    work,
  );
}

/** How often a change is retried on a file that another program keeps changing without the lock. */
const TRIES = 20;

/** Identifies the state of a file without reading it. */
async function stateOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs].join();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** One attempt; undefined if the file changed meanwhile, so that the change has to be made again. */
async function attempt(
  path: string,
  change: (manifest: Manifest) => Manifest | Promise<Manifest>,
): Promise<Manifest | undefined> {
  const seen = await stateOf(path);
  const before = await readManifest(path);
  const after = await change(before);
  if (after === before && before !== EMPTY_MANIFEST) return after;
  const isUnchanged = async (): Promise<boolean> => (await stateOf(path)) === seen;
  return (await writeAtomically(path, canonicalJson(after), undefined, isUnchanged)) ? after : undefined;
}

/**
 * Changes the manifest under the lock, starting from the current file, and replaces it atomically. A killed run leaves the old file;
 * parallel runs wait for each other. If a program without the lock (git, an editor) changes the file meanwhile, the change is made again on
 * the new content. Writes nothing if nothing changes.
 * @param change called once or more; returns the same object if there is nothing to do
 * @throws Failure of kind manifest (exit 8)
 */
export async function updateManifest(
  host: Host,
  path: string,
  change: (manifest: Manifest) => Manifest | Promise<Manifest>,
): Promise<Manifest> {
  try {
    for (const own of [path, `${path}.lock`]) await refuseLinks(resolve(path, "../.."), own);
    await makeFolder(dirname(path));
    return await withManifestLock(host, path, async () => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const after = await attempt(path, change);
        if (after !== undefined) return after;
      }
      throw new Error("another process keeps changing it");
    });
  } catch (error) {
    if (error instanceof Failure && error.code !== "WRITE_FAILED") throw error;
    host.signal.throwIfAborted();
    throw new Failure({
      code: "MANIFEST_WRITE_FAILED",
      kind: "manifest",
      message: `The manifest could not be written: ${messageOf(failureOf(error) ?? error)}`,
      hint: "The old file is untouched. Check that its folder is writable and has space left, then run again: finished stages are kept.",
      cause: error,
    });
  }
}
