import { createHash, createHmac, randomUUID } from "node:crypto";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * An access token made from an API key, as Mesa's SDK 0.38 makes it: HS256 with a hash of the key as secret. It ends with the
 * key, or after `seconds` (at most 24 h).
 */
export function accessToken(
  key: { readonly id: string; readonly key: string },
  scopes: readonly string[],
  repos: readonly string[],
  seconds: number,
  nowMs: number,
): string {
  const iat = Math.floor(nowMs / 1000);
  const head = part({ alg: "HS256", typ: "mesa-at+jwt", kid: `${key.id}.v1` });
  const body = part({
    iss: key.id,
    aud: "mesa-api",
    scopes,
    repos,
    iat,
    exp: iat + Math.min(86_400, Math.max(1, Math.ceil(seconds))),
    jti: randomUUID(),
  });
  const secret = createHash("sha256").update(key.key).digest("base64url");
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
}
