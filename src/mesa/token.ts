import { createHash, createHmac, randomUUID, sign } from "node:crypto";
import type { PrivateKey } from "./private-key";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

interface Lifetime {
  /** Validity of the token; cut to the longest one that Mesa accepts. */
  readonly seconds: number;
  readonly nowMs: number;
}

/** Longest validity of a token made from an API key, in seconds (SDK 0.38). */
export const LONGEST_KEY_TOKEN_SECONDS = 86_400;
/** Longest validity of a token signed with a private key, in seconds (SDK 0.47.2 and 0.49.1). */
export const LONGEST_TOKEN_SECONDS = 14_400;

function times({ seconds, nowMs }: Lifetime, longest: number): { iat: number; exp: number; jti: string } {
  const iat = Math.floor(nowMs / 1000);
  return { iat, exp: iat + Math.min(longest, Math.max(1, Math.ceil(seconds))), jti: randomUUID() };
}

/**
 * An access token made from an API key, like Mesa's SDK 0.38: HS256 with a hash of the key as secret. It expires with the key at the
 * latest.
 */
export function tokenFromKey(
  key: { readonly id: string; readonly key: string },
  claims: { readonly scopes: readonly string[]; readonly repos: readonly string[] },
  lifetime: Lifetime,
): string {
  const head = part({ alg: "HS256", typ: "mesa-at+jwt", kid: `${key.id}.v1` });
  const body = part({
    iss: key.id,
    aud: "mesa-api",
    ...claims,
    ...times(lifetime, LONGEST_KEY_TOKEN_SECONDS),
  });
  const secret = createHash("sha256").update(key.key).digest("base64url");
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
}

/**
 * An access token signed with EdDSA, with the public key in its header, like Mesa's SDK 0.49.1 (0.47.2 for the older claims).
 * @param claims its rights. `admin`: everything, for our own requests. `authors`, with `access` to repositories by bare name (from 0.48 on) or
 * `scopes` and `repos` ("org/repo", 0.43 to 0.47); an author's name has no angle brackets and line breaks
 */
export function signToken({ org, jwk, key }: PrivateKey, claims: object, lifetime: Lifetime): string {
  const text = [
    part({ alg: "EdDSA", typ: "mesa-at+jwt", jwk }),
    part({ iss: org, aud: "mesa-api", ...claims, ...times(lifetime, LONGEST_TOKEN_SECONDS) }),
  ].join(".");
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}
