import { createHash, createHmac } from "node:crypto";
import { Mesa } from "@mesadev/sdk";
import { EmbeddedJWK, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { parsePrivateKey } from "../../../src/mesa/private-key";
import { signToken, tokenFromKey } from "../../../src/mesa/token";
import { ORGANIZATIONS } from "../../world/mesa/state";

const KEY = { id: "key_1", key: "mesa_0123456789abcdef" };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const CLAIMS = { scopes: ["read", "write"], repos: ["acme/demo", "acme/other"] };

/** Header and claims of a token. */
const parts = (text: string): Record<string, unknown>[] =>
  text
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>);

describe("a token made from an API key", () => {
  const tokenFor = (seconds: number): string => tokenFromKey(KEY, CLAIMS, { seconds, nowMs: NOW });

  it("holds for these repositories, these scopes and this time", () => {
    expect(parts(tokenFor(600))[1]).toMatchObject({
      iss: "key_1",
      aud: "mesa-api",
      ...CLAIMS,
      iat: NOW / 1000,
      exp: NOW / 1000 + 600,
    });
  });

  it("is what Mesa's SDK makes of the key", async () => {
    const answer = {
      org: { id: "1", slug: "acme", name: "Acme" },
      key_id: KEY.id,
      key_name: "n",
      scopes: [],
    };
    const sdk = new Mesa({
      apiKey: KEY.key,
      org: "acme",
      fetch: () => Promise.resolve(Response.json(answer)),
    });
    const { token } = await sdk.tokens.create({ ...CLAIMS, scopes: ["read", "write"], ttl_seconds: 600 });
    const ours = tokenFor(600);
    const [head, body] = parts(ours);
    const [theirHead, theirBody] = parts(token) as [object, { iat: number; exp: number }];
    expect(head).toEqual(theirHead);
    const moved = { iat: NOW / 1000, exp: NOW / 1000 + theirBody.exp - theirBody.iat };
    expect(body).toEqual({ ...theirBody, ...moved, jti: expect.any(String) as string });
    const signature = (text: string): string => {
      const secret = createHash("sha256").update(KEY.key).digest("base64url");
      return createHmac("sha256", secret).update(text.split(".").slice(0, 2).join(".")).digest("base64url");
    };
    expect([ours, token].map(signature)).toEqual([ours, token].map((text) => text.split(".")[2]));
  });

  it("never holds longer than a day, which is as long as Mesa takes one", () => {
    expect(parts(tokenFor(7 * 86_400))[1]).toMatchObject({ exp: NOW / 1000 + 86_400 });
  });
});

describe("a token signed with a private key", () => {
  const key = parsePrivateKey(ORGANIZATIONS["acme"]?.privateKey ?? "");
  const authors = [{ name: "mesa-template", email: null }];
  const check = (token: string): ReturnType<typeof jwtVerify> =>
    jwtVerify(token, EmbeddedJWK, {
      audience: "mesa-api",
      issuer: "acme",
      typ: "mesa-at+jwt",
      algorithms: ["EdDSA"],
      requiredClaims: ["iat", "exp", "jti"],
      currentDate: new Date(NOW),
    });

  it.each([
    [{ admin: true } as const],
    [{ authors, access: { demo: "write-repo", other: "read-repo" } } as const],
    [{ authors, ...CLAIMS }],
  ])("verifies by the public key that is in it: %j", async (claims) => {
    const { payload } = await check(signToken(key, claims, { seconds: 600, nowMs: NOW }));
    const { jti, ...rest } = payload;
    expect(jti).toMatch(/^[0-9a-f-]{36}$/u);
    expect(rest).toEqual({
      iss: "acme",
      aud: "mesa-api",
      ...claims,
      iat: NOW / 1000,
      exp: NOW / 1000 + 600,
    });
  });

  it("does not verify when a byte of it changes", async () => {
    const token = signToken(key, { admin: true }, { seconds: 600, nowMs: NOW });
    const [head = "", , signature = ""] = token.split(".");
    const body = Buffer.from(JSON.stringify({ ...parts(token)[1], iss: "orbit" })).toString("base64url");
    await expect(check(`${head}.${body}.${signature}`)).rejects.toThrow(/signature/u);
  });

  it("carries nothing of the private key, and holds four hours at most", () => {
    const [head, body] = parts(signToken(key, { admin: true }, { seconds: 7 * 86_400, nowMs: NOW }));
    expect(head).toEqual({ alg: "EdDSA", typ: "mesa-at+jwt", jwk: key.jwk });
    expect(Object.keys(key.jwk)).toEqual(["kty", "crv", "x"]);
    expect(body?.["exp"]).toBe(NOW / 1000 + 14_400);
  });
});
