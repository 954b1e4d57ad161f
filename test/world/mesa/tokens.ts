import { createHash, createHmac, createPublicKey, verify, type JsonWebKey } from "node:crypto";
import type { StoredKey } from "./state";

interface Claims {
  readonly iss?: string;
  readonly exp?: number;
  readonly scopes?: readonly string[];
  readonly repos?: readonly string[];
}

export interface TokenIdentity {
  readonly scopes: readonly string[];
  /** "org/repo", or undefined for all. */
  readonly repos: readonly string[] | undefined;
  readonly key: StoredKey | undefined;
}

const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));

/**
 * Who a JWT speaks for: HS256 tokens are signed with a hash of an API key (revoking the key ends them), EdDSA tokens carry
 * their public key in the header.
 */
export function identityOfToken(
  token: string,
  keys: readonly StoredKey[],
  now: number,
): TokenIdentity | undefined {
  const [head, body, signature] = token.split(".");
  if (head === undefined || body === undefined || signature === undefined) return undefined;
  let header: { alg?: string; kid?: string; jwk?: JsonWebKey };
  let claims: Claims;
  try {
    header = decode(head) as typeof header;
    claims = decode(body) as Claims;
  } catch {
    return undefined;
  }
  if (claims.exp !== undefined && claims.exp * 1000 <= now) return undefined;
  const scopes = claims.scopes ?? [];
  if (header.alg === "HS256") {
    const key = keys.find((stored) => `${stored.id}.v1` === header.kid && stored.revoked_at === null);
    if (key === undefined) return undefined;
    const secret = createHash("sha256").update(key.key).digest("base64url");
    const expected = createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url");
    return expected === signature ? { scopes, repos: claims.repos, key } : undefined;
  }
  if (header.alg !== "EdDSA" || header.jwk === undefined) return undefined;
  const valid = verify(
    null,
    Buffer.from(`${head}.${body}`),
    createPublicKey({ key: header.jwk, format: "jwk" }),
    Buffer.from(signature, "base64url"),
  );
  return valid ? { scopes, repos: claims.repos, key: undefined } : undefined;
}
