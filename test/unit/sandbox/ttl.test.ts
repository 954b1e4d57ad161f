import { describe, expect, it } from "vitest";
import { checkTtl } from "../../../src/sandbox/ttl";

describe("how long a credential may hold", () => {
  it.each([
    ["0.38.0", 100],
    ["0.38.0", 31_536_000],
    ["0.46.0", 86_400],
  ])("Mesa %s: %i s", (version, seconds) => {
    expect(() => {
      checkTtl(version, seconds);
    }).not.toThrow();
  });

  it.each([
    ["0.38.0", 99, /API keys.*100 s to 31536000 s/u],
    ["0.38.0", 31_536_001, /API keys/u],
    ["0.46.0", 86_401, /access tokens.*to 86400 s/u],
    ["0.46.0", Number.NaN, /is not supported/u],
  ])("Mesa %s: not %d s", (version, seconds, message) => {
    expect(() => {
      checkTtl(version, seconds);
    }).toThrow(message);
  });
});
