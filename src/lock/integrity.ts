import { canonicalJson } from "../support/canonical-json";
import { sha256 } from "../support/digest";
import type { Lock } from "./lock";

/** sha256 (hex) over the lock's canonical JSON without its `integrity` field. */
export function integrityOf(lock: Lock): string {
  return sha256(canonicalJson({ ...lock, integrity: undefined }));
}

/** The lock with its integrity, as it is written. */
export function sealed(lock: Lock): Lock {
  return { ...lock, integrity: integrityOf(lock) };
}

/** Whether the lock is what `lock` wrote: it carries the integrity it has. */
export function isSealed(lock: Lock): boolean {
  return lock.integrity !== undefined && lock.integrity === integrityOf(lock);
}
