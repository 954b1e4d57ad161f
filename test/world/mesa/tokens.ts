import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  verify,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";
import { ORGANIZATIONS, type StoredKey } from "./state";

type Json = Readonly<Record<string, unknown>>;

export interface TokenIdentity {
  /** The organization it is for; undefined: that of its API key. */
  readonly org: string | undefined;
  /** admin and access are the claims of 0.48 and later, scopes the one of the versions before. */
  readonly claim: "admin" | "access" | "scopes";
  readonly scopes: readonly string[];
  /** "org/repo", or undefined for all. */
  readonly repos: readonly string[] | undefined;
  /** What the claim access says, by bare name in lower case. */
  readonly access: Readonly<Record<string, "read-repo" | "write-repo">> | undefined;
  /** Who writes with it. */
  readonly authors: readonly unknown[] | undefined;
  /** The API key it was made from; none when it is from a private key. */
  readonly key: StoredKey | undefined;
}

/** Longest life in seconds: 24 h for tokens made from an API key, 4 h for those from a private key (SDKs 0.38, 0.47 and 0.49). */
const LONGEST = { HS256: 86_400, EdDSA: 14_400 } as const;
/** By how much clocks may differ, in seconds. */
const LEEWAY = 5;

function decode(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/**
 * Who a JWT speaks for: HS256 tokens are signed with a hash of an API key (revoking the key ends them), EdDSA tokens with a
 * private key that Mesa knows of the organization they name as issuer; they carry its public half.
 * @param keys the API keys that are valid now
 * @param now in ms
 * @returns undefined when it is not valid
 */
export function identityOfToken(
  token: string,
  keys: readonly StoredKey[],
  now: number,
): TokenIdentity | undefined {
  const [head = "", body = "", signature = "", ...rest] = token.split(".");
  const [header, claims] = [decode(head), decode(body)];
  if (rest.length > 0 || header === undefined || claims === undefined) return undefined;
  const { alg } = header;
  if (claims["aud"] !== "mesa-api" || (alg !== "HS256" && alg !== "EdDSA")) return undefined;
  const { exp } = claims;
  const secondsLeft = typeof exp === "number" ? exp - now / 1000 : 0;
  if (secondsLeft <= 0 || secondsLeft > LONGEST[alg] + LEEWAY) return undefined;
  const text = `${head}.${body}`;
  return alg === "HS256"
    ? fromApiKey(header, claims, text, signature, keys)
    : fromPrivateKey(header, claims, text, signature, now);
}

function fromApiKey(
  header: Json,
  claims: Json,
  text: string,
  signature: string,
  keys: readonly StoredKey[],
): TokenIdentity | undefined {
  const key = keys.find((stored) => `${stored.id}.v1` === header["kid"]);
  if (key === undefined || claims["iss"] !== key.id) return undefined;
  const secret = createHash("sha256").update(key.key).digest("base64url");
  const expected = createHmac("sha256", secret).update(text).digest("base64url");
  return expected === signature ? { ...withScopes(claims), org: undefined, key } : undefined;
}

function withScopes(claims: Json): Omit<TokenIdentity, "org" | "key"> {
  return {
    claim: "scopes",
    scopes: textsOf(claims["scopes"]),
    repos: claims["repos"] == null ? undefined : textsOf(claims["repos"]),
    access: undefined,
    authors: Array.isArray(claims["authors"]) ? (claims["authors"] as readonly unknown[]) : undefined,
  };
}

function fromPrivateKey(
  header: Json,
  claims: Json,
  text: string,
  signature: string,
  now: number,
): TokenIdentity | undefined {
  const { iss, iat, exp, jti } = claims;
  const org = typeof iss === "string" && Object.hasOwn(ORGANIZATIONS, iss) ? iss : undefined;
  const key = org === undefined ? undefined : publicKeyOf(org);
  if (key === undefined || header["typ"] !== "mesa-at+jwt") return undefined;
  const jwk = (header["jwk"] ?? {}) as JsonWebKey;
  const known = key.export({ format: "jwk" });
  if (jwk.kty !== "OKP" || jwk.crv !== "Ed25519" || jwk.x !== known.x) return undefined;
  if (!verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url"))) return undefined;
  if (typeof iat !== "number" || typeof exp !== "number" || iat > now / 1000 + LEEWAY) return undefined;
  if (exp - iat > LONGEST.EdDSA || typeof jti !== "string" || jti === "") return undefined;
  const rights = rightsOf(claims);
  return rights === undefined ? undefined : { ...rights, org, key: undefined };
}

/** Exactly one of admin, access and the older scopes. */
function rightsOf(claims: Json): Omit<TokenIdentity, "org" | "key"> | undefined {
  const there = ["admin", "access", "scopes"].filter((name) => claims[name] !== undefined);
  if (there.length !== 1) return undefined;
  const old = withScopes(claims);
  if (there[0] === "scopes") return old;
  if (there[0] === "admin")
    return claims["admin"] === true
      ? { ...old, claim: "admin", scopes: ["admin"], repos: undefined }
      : undefined;
  const access = claims["access"];
  if (typeof access !== "object" || access === null) return undefined;
  const entries = Object.entries(access as Record<string, unknown>);
  if (entries.length === 0 || entries.length > 250) return undefined;
  if (!entries.every(([, right]) => right === "read-repo" || right === "write-repo")) return undefined;
  const rights = entries.map(([name, right]) => [name.toLowerCase(), right as "read-repo" | "write-repo"]);
  return {
    ...old,
    claim: "access",
    scopes: ["read"],
    repos: undefined,
    access: Object.fromEntries(rights) as TokenIdentity["access"],
  };
}

function publicKeyOf(org: string): KeyObject | undefined {
  const held = ORGANIZATIONS[org]?.privateKey.slice(`mesa_private_key_${org}_`.length);
  if (held === undefined) return undefined;
  const der = Buffer.from(held, "base64url");
  return createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}
