import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createRedactor } from "../../../src/support/redact";

describe("a Mesa private key", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  const body = der.toString("base64url");
  const whole = `mesa_private_key_acme_${body}`;
  const { d = "" } = privateKey.export({ format: "jwk" });
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();

  it.each([
    ["whole", whole],
    ["its body", body],
    ["a line of PEM", pem.split("\n")[1] ?? ""],
    ["base64", der.toString("base64")],
    ["hex", der.toString("hex")],
    ["JWK", d],
    ["the seed in hex", Buffer.from(d, "base64url").toString("hex")],
  ])("is hidden: %s", (_, form) => {
    expect(form.length).toBeGreaterThan(40);
    for (const value of [whole, ` ${whole}\n`]) {
      const redact = createRedactor({ MESA_PRIVATE_KEY: value });
      expect(redact(`before ${form} after`)).toBe("before *** after");
    }
  });

  it("does not hide the organization, nor ordinary text when the value is no key", () => {
    expect(createRedactor({ MESA_PRIVATE_KEY: whole })("acme/demo")).toBe("acme/demo");
    expect(createRedactor({ MESA_PRIVATE_KEY: "" })("any text")).toBe("any text");
  });
});
