import { canonicalJson } from "../support/canonical-json";
import { sha256 } from "../support/digest";
import { imagesOf, type Lock } from "./lock";

/** sha256 (hex) over the lock's canonical JSON without its `integrity` field. */
export function integrityOf(lock: Lock): string {
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
