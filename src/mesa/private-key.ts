import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { Failure } from "../support/errors";

const PREFIX = "mesa_private_key_";

/** An organization's private key, parsed. It never leaves this process; only tokens that it signs do. */
export interface PrivateKey {
  readonly org: string;
  /** The public half, as in each token's header. */
  readonly jwk: { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string };
  readonly key: KeyObject;
}

/** Whether a text contains what looks like a private key, which must not go where others can read it. */
export function looksLikePrivateKey(text: string): boolean {
  return (
    text.toLowerCase().includes(PREFIX) || /^-----(?:BEGIN|END) (?:[A-Z0-9]+ )*PRIVATE KEY-----/imu.test(text)
  );
}

function notAKey(why: string): Failure {
  return new Failure({
    code: "MESA_PRIVATE_KEY",
    kind: "usage",
    message: `MESA_PRIVATE_KEY is not a Mesa private key: ${why}.`,
    hint: "It has the form mesa_private_key_ORGANIZATION_KEY; copy it whole from Mesa's console.",
  });
}

/**
 * Parses `mesa_private_key_<org>_<base64url of the PKCS#8 DER>` as strictly as Mesa's SDK 0.49.1 does: Ed25519 only, and both
 * encodings canonical.
 * @throws Failure MESA_PRIVATE_KEY (exit 2); its message never shows any part of the key
 */
export function parsePrivateKey(text: string): PrivateKey {
  const value = text.trim();
  if (!value.startsWith(PREFIX)) throw notAKey(`it does not begin with ${PREFIX}`);
  const [, org, encoded] =
    /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)_([A-Za-z0-9_-]+)$/u.exec(value.slice(PREFIX.length)) ?? [];
  if (org === undefined || encoded === undefined)
    throw notAKey("after that, an organization, an underscore and the key are expected");
  const der = Buffer.from(encoded, "base64url");
  if (der.toString("base64url") !== encoded) throw notAKey("the key is not canonical base64url");
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } catch {
    throw notAKey("the key is not PKCS#8 DER");
  }
  if (key.asymmetricKeyType !== "ed25519") throw notAKey("the key is not an Ed25519 key");
  if (!key.export({ format: "der", type: "pkcs8" }).equals(der))
    throw notAKey("the key is not canonical PKCS#8 DER");
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return { org, jwk: { kty: "OKP", crv: "Ed25519", x }, key };
}
