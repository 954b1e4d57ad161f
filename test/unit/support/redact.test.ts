import { describe, expect, it } from "vitest";
import { createRedactor, redactValue } from "../../../src/support/redact";

const BODY = ["MIIEvQIBADANBgkqhkiG9w0BAQ+FAASC/KcwggSj", "AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyji/WA4R+=="];
const PEM = `-----BEGIN PRIVATE KEY-----\n${BODY.join("\n")}\n-----END PRIVATE KEY-----\n`;

describe("a secret of several lines or with quotes", () => {
  const redact = createRedactor({ MESA_PRIVATE_KEY: PEM, MESA_API_KEY: 'with"quote\nand line' });

  it.each([
    ["whole", PEM],
    ["one line of a program's output", `key: ${BODY[0] ?? ""}`],
    ["its other line", BODY[1] ?? ""],
    ["the body in base64url", BODY.join("").replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/u, "")],
    ["escaped for JSON", JSON.stringify({ key: PEM })],
    ["escaped in an address", encodeURIComponent(PEM)],
  ])("is hidden: %s", (_form, text) => {
    const shown = redact(text);
    expect(shown).toContain("***");
    for (const line of BODY) expect(shown).not.toContain(line.slice(0, 30));
  });

  it("is hidden where nobody knows it: a private key in PEM, in one line or in several", () => {
    for (const text of [PEM, PEM.replaceAll("\n", "\\n")])
      expect(createRedactor({})(`no option ${text.trim()}.`)).toMatch(/^no option \*\*\*(\\n)?\.$/u);
  });

  it("is hidden in a value before that becomes JSON", () => {
    const json = JSON.stringify(
      redactValue({ log: ['x with"quote\nand line y'], at: { n: 1, none: null } }, redact),
    );
    expect(json).toBe('{"log":["x *** y"],"at":{"n":1,"none":null}}');
  });

  it("leaves what every key has in common", () => {
    expect(redact("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
  });
});
