import { Failure } from "../support/errors";

/** Reasons to refuse inputs of the package repository. */
export type RefusalCode =
  | "RELEASE_UNSIGNED"
  | "RELEASE_WRONG_KEY"
  | "RELEASE_KEY_EXPIRED"
  | "RELEASE_SIGNATURE_BAD"
  | "RELEASE_MALFORMED"
  | "SUITE_DIFFERS"
  | "INDEX_EXPIRED"
  | "INDEX_NOT_YET_VALID"
  | "INDEX_DOWNGRADED"
  | "INDEX_MISSING"
  | "INDEX_HASH_DIFFERS"
  | "INDEX_MALFORMED"
  | "DEB_MISSING"
  | "DEB_HASH_DIFFERS"
  | "DEB_SIZE_DIFFERS"
  | "DEB_UNREADABLE"
  | "DEB_VERSION_DIFFERS"
  | "DEB_PACKAGE_DIFFERS"
  | "DEB_ARCHITECTURE_DIFFERS"
  | "DEB_DEPENDS_DIFFERS"
  | "DEB_CHANGED"
  | "MESA_VERSION_NOT_FOUND";

/** An input that does not verify or does not exist (exit 4). */
export function refusal(code: RefusalCode, message: string, hint?: string, cause?: unknown): Failure {
  return new Failure({ code, kind: "upstream", message, hint, cause });
}
