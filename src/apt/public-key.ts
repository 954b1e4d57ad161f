import type { PublicKey } from "openpgp";
import { Failure, messageOf } from "../support/errors";

/** The public keys in a key file, armoured or binary (the output of `gpg --dearmor`). */
export async function parseKeys(data: Uint8Array, file: string): Promise<readonly PublicKey[]> {
  const { readKeys } = await import("openpgp");
  try {
    const text = Buffer.from(data).toString("latin1");
    const keys = text.includes("-----BEGIN PGP")
      ? await readKeys({ armoredKeys: text })
      : await readKeys({ binaryKeys: data });
    const found = keys.map((key) => key.toPublic());
    if (found.length > 0) return found;
    throw new Error("it contains no key");
  } catch (error) {
    throw new Failure({
      code: "KEY_UNREADABLE",
      kind: "usage",
      message: `${file} is not an OpenPGP public key: ${messageOf(error)}.`,
      hint: "It must be the repository's public signing key (armoured or binary).",
      cause: error,
    });
  }
}

/** A key's full fingerprint, upper-case hex. */
export function fingerprintOf(key: { getFingerprint(): string }): string {
  return key.getFingerprint().toUpperCase();
}
