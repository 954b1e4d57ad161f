import { join, resolve, sep } from "node:path";
import { canonicalJson } from "../support/text/canonical-json";
import { sha256 } from "../support/text/digest";
import { Failure, firstProblem } from "../support/errors";
import { namesIn, readIfPresent, writeAtomically } from "../support/files/files";
import { refuseLinks } from "../support/files/links";
import { imagesOf, lockSchema, type Lock } from "./lock";

/**
 * Reads dockerfiles/TEMPLATE/VERSION/lock.json; undefined if there is none. One of another template or version, which came with a copied
 * folder, is none: what follows from it would count as a proof of this one.
 * @throws Failure LOCK_INVALID if it is not a lock, LOCK_CHECK_FAILED if it was edited by hand (exit 2)
 */
export async function readLock(path: string): Promise<Lock | undefined> {
  const lock = await readAnyLock(path);
  const [template, version] = resolve(path).split(sep).slice(-3);
  if (lock === undefined) return undefined;
  if (isSealed(lock)) return lock.template === template && lock.mesaVersion === version ? lock : undefined;
  throw new Failure({
    code: "LOCK_CHECK_FAILED",
    kind: "usage",
    template: lock.template,
    message: `${path} was edited by hand: its integrity does not match its contents.`,
    hint: `Restore it from git, or resolve it again: mesa-template lock ${lock.mesaVersion} --relock.`,
  });
}

/** Reads a lock.json that is about to be replaced, sealed or not; undefined if there is none. @throws Failure LOCK_INVALID (exit 2) */
export async function readAnyLock(path: string): Promise<Lock | undefined> {
  const data = await readIfPresent(path);
  return data === undefined ? undefined : parseLock(data.toString("utf8"), path);
}

/** lock.json's text as a Lock; `path` is for messages. */
export function parseLock(text: string, path: string): Lock {
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Failure({
      code: "LOCK_INVALID",
      kind: "usage",
      message: `${path} is not a lock: ${firstProblem(error)}.`,
      hint: "Restore it from git, or remove it and resolve it again: mesa-template lock VERSION.",
      cause: error,
    });
  }
}

/**
 * Writes a lock as canonical JSON, atomically.
 * @param path dockerfiles/TEMPLATE/VERSION/lock.json below the root
 * @throws Failure LINK_REFUSED (exit 2) if a part of the path below the root is a symbolic link
 */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  await refuseLinks(resolve(path, "../../../.."), path);
  await writeAtomically(path, canonicalJson(lock));
}

/**
 * The locks of all templates and versions below a root, sealed or not, ordered by path.
 * @param dockerfiles the root's folder dockerfiles/
 * @throws Failure LOCK_INVALID (exit 2)
 */
export async function locksBelow(dockerfiles: string): Promise<readonly Lock[]> {
  const locks: Lock[] = [];
  // In sequence: there may be more locks than a process may open files.
  for (const template of await namesIn(dockerfiles)) {
    for (const version of await namesIn(join(dockerfiles, template))) {
      const lock = await readAnyLock(join(dockerfiles, template, version, "lock.json"));
      if (lock !== undefined) locks.push(lock);
    }
  }
  return locks;
}

/** sha256 (hex) over the lock's canonical JSON without its `integrity` field. */
function integrityOf(lock: Lock): string {
  return sha256(canonicalJson({ ...lock, integrity: undefined }));
}

/** The lock with its integrity, ready to be written. */
export function sealed(lock: Lock): Lock {
  return { ...lock, integrity: integrityOf(lock) };
}

/** Whether the lock's integrity matches its content: nobody edited it. */
export function isSealed(lock: Lock): boolean {
  return lock.integrity !== undefined && lock.integrity === integrityOf(lock);
}

/**
 * Whether two locks produce the same image: all inputs are equal, and the same key (or first download) vouches for the .deb. Times and the
 * index around an unchanged .deb do not count: the repository writes a new index with each package, which is no reason for a new revision.
 */
export function sameInputs(a: Lock, b: Lock): boolean {
  return canonicalJson(inputsOf(a)) === canonicalJson(inputsOf(b));
}

function inputsOf(lock: Lock): unknown {
  const { template, mesaVersion, generation, deb, downloads, snapshot } = lock;
  const { vouched, ...file } = deb;
  const voucher = vouched.by === "signed" ? vouched.chain.key.fingerprint : vouched.by;
  const images = imagesOf(lock).map(([what, image]) => [what, { ...image, resolvedAt: undefined }]);
  return { template, mesaVersion, generation, images, file, voucher, downloads, snapshot };
}
