import { createHash, createHmac, createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { MESA_ORG, type StoredKey } from "./state";

interface Header {
  readonly alg?: unknown;
  readonly kid?: unknown;
  readonly jwk?: JsonWebKey;
}

interface Claims {
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly scopes?: unknown;
  readonly repos?: unknown;
}

export interface TokenIdentity {
  readonly scopes: readonly string[];
  /** "org/repo", or undefined for all. */
  readonly repos: readonly string[] | undefined;
  /** The API key it was made from; none when it is from a private key. */
  readonly key: StoredKey | undefined;
}

/** Longest life in seconds: 24 h for tokens made from an API key, 4 h for those from a private key (@mesadev/sdk 0.38 and 0.47). */
const LONGEST = { HS256: 86_400, EdDSA: 14_400 } as const;

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/**
 * Who a JWT speaks for: HS256 tokens are signed with a hash of an API key (revoking the key ends them), EdDSA tokens carry
 * their public key in the header and name their organization as issuer. Any private key of the organization is taken: the
 * world keeps no list of them.
 * @param keys the API keys that are valid now
 * @param now in ms
 * @returns undefined when it is not valid
 */
export function identityOfToken(
  token: string,
  keys: readonly StoredKey[],
  now: number,
): TokenIdentity | undefined {
  const [head, body, signature] = token.split(".");
  if (head === undefined || body === undefined || signature === undefined) return undefined;
  const header = decode(head) as Header | undefined;
  const claims = decode(body) as Claims | undefined;
  if (header == null || claims == null || claims.aud !== "mesa-api") return undefined;
  if (header.alg !== "HS256" && header.alg !== "EdDSA") return undefined;
  const secondsLeft = typeof claims.exp === "number" ? claims.exp - now / 1000 : 0;
  if (secondsLeft <= 0 || secondsLeft > LONGEST[header.alg] + 5) return undefined;
  const identity = {
    scopes: textsOf(claims.scopes),
    repos: claims.repos == null ? undefined : textsOf(claims.repos),
  };
  if (header.alg === "HS256") {
    const key = keys.find((stored) => `${stored.id}.v1` === header.kid);
    if (key === undefined || claims.iss !== key.id) return undefined;
    const secret = createHash("sha256").update(key.key).digest("base64url");
    const expected = createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url");
    return expected === signature ? { ...identity, key } : undefined;
  }
  if (claims.iss !== MESA_ORG || !isSigned(`${head}.${body}`, signature, header.jwk)) return undefined;
  return { ...identity, key: undefined };
}

function isSigned(text: string, signature: string, jwk: JsonWebKey | undefined): boolean {
  if (jwk === undefined) return false;
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
}
