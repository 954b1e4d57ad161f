import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { looksLikePrivateKey, parsePrivateKey } from "../../../src/mesa/private-key";

const DER = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" });
const BODY = DER.toString("base64url");
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "der" })
  .toString("base64url");

describe("a Mesa private key", () => {
  it.each(["acme", "a", "a-b-1"])("names its organization: %s", (org) => {
    expect(parsePrivateKey(`mesa_private_key_${org}_${BODY}`)).toMatchObject({
      org,
      jwk: { kty: "OKP", crv: "Ed25519", x: expect.stringMatching(/^[\w-]{43}$/u) as string },
    });
  });

  it("may have white space around it, as a file has", () => {
    expect(parsePrivateKey(`mesa_private_key_acme_${BODY}\n`).org).toBe("acme");
  });

  it.each([
    ["an API key", "mesa_0123456789abcdef", /begin with mesa_private_key_/u],
    ["one without an organization", `mesa_private_key_${BODY}`, /an organization|canonical|PKCS#8/u],
    ["an organization in capitals", `mesa_private_key_Acme_${BODY}`, /an organization/u],
    ["an organization that ends in a dash", `mesa_private_key_acme-_${BODY}`, /an organization/u],
    ["padding", `mesa_private_key_acme_${BODY}=`, /an organization/u],
    ["another last character", `mesa_private_key_acme_${BODY}A`, /canonical base64url|PKCS#8/u],
    ["one cut off", `mesa_private_key_acme_${BODY.slice(0, 40)}`, /PKCS#8/u],
    [
      "more bytes behind",
      `mesa_private_key_acme_${Buffer.concat([DER, Buffer.of(0)]).toString("base64url")}`,
      /PKCS#8/u,
    ],
    ["an RSA key", `mesa_private_key_acme_${RSA}`, /Ed25519/u],
    ["nothing", "", /begin with/u],
  ])("is not %s, and the message does not show it", (_, text, message) => {
    const tried = (): unknown => parsePrivateKey(text);
    expect(tried).toThrow(expect.objectContaining({ code: "MESA_PRIVATE_KEY", kind: "usage" }));
    expect(tried).toThrow(message);
    try {
      tried();
    } catch (error) {
      expect(String(error)).not.toContain(text.slice(-20) || "-");
    }
  });

  it.each([
    [`https://x.example/mesa_private_key_acme_${BODY}`, true],
    [`MESA_PRIVATE_KEY_acme`, true],
    ["-----BEGIN PRIVATE KEY-----", true],
    ["-----END OPENSSH PRIVATE KEY-----", true],
    ["https://api.mesa.dev", false],
    ["a private key", false],
  ])("is recognized in %s: %s", (text, looks) => {
    expect(looksLikePrivateKey(text)).toBe(looks);
  });
});
