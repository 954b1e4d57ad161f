import type { KeyID, PublicKey } from "openpgp";
import { Failure, messageOf, refusal } from "../support/errors";

/** The public keys in a key file, armoured or binary (the output of `gpg --dearmor`). */
export async function parseKeys(data: Uint8Array, file: string): Promise<readonly PublicKey[]> {
  const { readKeys } = await import("openpgp");
  try {
    const text = Buffer.from(data).toString("latin1");
    // openpgp reads only the first of several armoured blocks.
    const blocks = text.match(/-----BEGIN PGP[^]*?-----END PGP.*/gu) ?? [text];
    const keys = text.includes("-----BEGIN PGP")
      ? await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })))
      : [await readKeys({ binaryKeys: data })];
    const found = keys.flat().map((key) => key.toPublic());
    if (found.length > 0) return found;
    throw new Error("it contains no key");
  } catch (error) {
    throw new Failure({
      code: "KEY_UNREADABLE",
      kind: "usage",
      message: `${file} is not an OpenPGP public key: ${messageOf(error).replace(/\.$/u, "")}.`,
      hint: "It must be the repository's public signing key (armoured or binary).",
      cause: error,
    });
  }
}

/** A key's full fingerprint, upper-case hex. */
export function fingerprintOf(key: { getFingerprint(): string }): string {
  return key.getFingerprint().toUpperCase();
}

/** Accepted clock skew: an index that was just signed may seem to come from the future. */
export const CLOCK_TOLERANCE_MS = 10 * 60_000;

/** One signature as openpgp reports it; `verified` rejects if it is bad. */
interface CheckedSignature {
  readonly keyID: KeyID;
  readonly verified: Promise<unknown>;
}

/** A text with a verified signature. */
export interface SignedText {
  /** Only the signed text, never the file around it. */
  readonly text: string;
  /** Fingerprint of the (sub)key that signed. */
  readonly signedBy: string;
}

/**
 * Verifies an InRelease file (OpenPGP cleartext signature framework, RFC 9580 §7) with the pinned key at the time `now` (ms). Refusals:
 * RELEASE_UNSIGNED, RELEASE_WRONG_KEY, RELEASE_KEY_EXPIRED, RELEASE_SIGNATURE_BAD.
 */
export async function verifyClearsigned(file: Uint8Array, key: PublicKey, now: number): Promise<SignedText> {
  const text = Buffer.from(file).toString("utf8");
  if (!/^-----BEGIN PGP SIGNED MESSAGE-----\r?$/mu.test(text)) {
    throw refusal("RELEASE_UNSIGNED", "The repository's InRelease file carries no signature.", UNSIGNED_HINT);
  }
  const { readCleartextMessage, verify } = await import("openpgp");
  try {
    const message = await readCleartextMessage({ cleartextMessage: text });
    const result = await verify({ message, verificationKeys: key, date: new Date(now + CLOCK_TOLERANCE_MS) });
    return { text: result.data, signedBy: await goodSigner(result.signatures, key, now) };
  } catch (error) {
    throw refusedSignature(error, "InRelease");
  }
}

/** Verifies Release against its detached Release.gpg; refusals as in verifyClearsigned. */
export async function verifyDetached(
  release: Uint8Array,
  signatureFile: Uint8Array,
  key: PublicKey,
  now: number,
): Promise<SignedText> {
  const { createMessage, readSignature, verify } = await import("openpgp");
  try {
    const armored = Buffer.from(signatureFile).toString("latin1");
    const signature = armored.includes("-----BEGIN PGP")
      ? await readSignature({ armoredSignature: armored })
      : await readSignature({ binarySignature: signatureFile });
    const result = await verify({
      message: await createMessage({ binary: release }),
      signature,
      verificationKeys: key,
      date: new Date(now + CLOCK_TOLERANCE_MS),
      format: "binary",
    });
    return {
      text: Buffer.from(release).toString("utf8"),
      signedBy: await goodSigner(result.signatures, key, now),
    };
  } catch (error) {
    throw refusedSignature(error, "Release.gpg");
  }
}

/**
 * The fingerprint of the (sub)key of a good signature. The key must be valid now: a key that has expired since proves nothing (apt's
 * EXPKEYSIG).
 */
async function goodSigner(
  signatures: readonly CheckedSignature[],
  key: PublicKey,
  now: number,
): Promise<string> {
  const ours = signatures.filter(({ keyID }) => key.getKeys(keyID).length > 0);
  if (ours.length === 0) {
    if (signatures.length === 0)
      throw refusal("RELEASE_UNSIGNED", "The repository's Release carries no signature.", UNSIGNED_HINT);
    const others = signatures.map(({ keyID }) => keyID.toHex().toUpperCase()).join(", ");
    throw refusal(
      "RELEASE_WRONG_KEY",
      `The repository's index is signed with key ${others}, not with the pinned key ${fingerprintOf(key)}.`,
      "If its owner announced a new key, put it beside upstream.toml and change the fingerprint there. If not, do not use this repository.",
    );
  }
  let trouble: unknown;
  for (const signature of ours) {
    try {
      await signature.verified;
      const signer = await key.getSigningKey(signature.keyID, new Date(now));
      return fingerprintOf(signer);
    } catch (error) {
      trouble = error;
    }
  }
  if (/in the future/u.test(messageOf(trouble)))
    throw refusal(
      "INDEX_NOT_YET_VALID",
      `The repository's index was signed later than now, which is ${new Date(now).toISOString()} by this machine's clock.`,
      "Check this machine's clock.",
    );
  const isWeak = /weak|insecure/iu.test(messageOf(trouble));
  throw (
    expiredKey(key, trouble) ??
    refusal(
      "RELEASE_SIGNATURE_BAD",
      `The signature of the repository's index ${isWeak ? "is too weak" : "does not match it"}: ${messageOf(trouble)}.`,
      isWeak ? WEAK_HINT : BAD_HINT,
      trouble,
    )
  );
}

function expiredKey(key: PublicKey, trouble: unknown): Error | undefined {
  const message = messageOf(trouble);
  if (!/expired|revoked/iu.test(message) || /signature is expired/iu.test(message)) return undefined;
  return refusal(
    "RELEASE_KEY_EXPIRED",
    `The repository's index is signed with a key that is no longer valid (${fingerprintOf(key)}): ${message}.`,
    "Ask its owner for the renewed key (the same fingerprint, a later expiry), and replace the key file beside upstream.toml with it.",
    trouble,
  );
}

export const UNSIGNED_HINT =
  'Without a signature the packages cannot be verified. If this repository has never been signed, set vouched = "first-download" in upstream.toml.';
const WEAK_HINT =
  "Anybody could have forged it. Ask the repository's owner to sign with SHA-256 or better, and with an RSA key of at least 2048 bits.";
const BAD_HINT =
  "The index was changed after it was signed, or the mirror is in the middle of an update. Try without the mirror, or later.";

function refusedSignature(error: unknown, file: string): unknown {
  if (error instanceof Failure) return error;
  return refusal(
    "RELEASE_SIGNATURE_BAD",
    `The signature in ${file} cannot be read: ${messageOf(error)}.`,
    BAD_HINT,
    error,
  );
}
