import { describe, expect, it } from "vitest";
import { parseMesaVersion } from "../../../src/lock/mesa-version";

describe("a Mesa version", () => {
  it.each(["0.20.0", "0.21.0-alpha.1", "1.2.3"])("%s", (text) => {
    expect(parseMesaVersion(text)).toBe(text);
  });

  it.each([
    ["v0.20.0", "Did you mean 0.20.0?"],
    ["=0.20.0", "Did you mean 0.20.0?"],
    ["^0.20.0", "Did you mean 0.20.0?"],
    [" 0.20.0 ", "Did you mean 0.20.0?"],
    ["mesa@0.20.0", "Did you mean 0.20.0?"],
    ["0.20", "Did you mean 0.20.0?"],
    ["20", "Did you mean 0.20.0?"],
    ["0.20.0+build", "Did you mean 0.20.0?"],
    ["latest", "mesa-template outdated"],
    ["0.20.x", "mesa-template outdated"],
    ["", "mesa-template outdated"],
    ["../0.20.0", "mesa-template outdated"],
    ["0.20.0\nRUN x", "mesa-template outdated"],
  ])("is not %j", (text, hint) => {
    expect(() => parseMesaVersion(text)).toThrow(
      expect.objectContaining({
        code: "BAD_MESA_VERSION",
        kind: "usage",
        hint: expect.stringContaining(hint) as string,
      }),
    );
  });
});
