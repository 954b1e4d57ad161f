import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseControl } from "../../../src/apt/deb822";

const read = (text: string): unknown => parseControl(text).map((paragraph) => Object.fromEntries(paragraph));

describe("a control file", () => {
  it.each([
    ["", []],
    ["\n\n \n", []],
    ["A: 1\nb-C:2\n", [{ a: "1", "b-c": "2" }]],
    ["A: 1\n\n\nA: 2", [{ a: "1" }, { a: "2" }]],
    ["A: 1\r\nB: 2\r\n\r\nA: 3\r\n", [{ a: "1", b: "2" }, { a: "3" }]],
    ["SHA256:\n aa 1 x\n bb 2 y\nB: z", [{ sha256: "\naa 1 x\nbb 2 y", b: "z" }]],
    ["Description: short\n long\n .\n  kept", [{ description: "short\nlong\n\n kept" }]],
    ["# comment\nA: 1\n# another\nB: a:b:c # no comment\n", [{ a: "1", b: "a:b:c # no comment" }]],
    ["A:\t x \t\n", [{ a: "x" }]],
  ])("%j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it.each([
    [" begins with a continuation", 1],
    ["A: 1\nno field", 2],
    ["A: 1\n\n continues nothing", 3],
    ["A: 1\na: 2", 2],
    [": no name", 1],
    ["-A: 1", 1],
    ["A B: 1", 1],
  ])("%j is none", (text, line) => {
    expect(() => parseControl(text)).toThrow(`line ${String(line)} is neither a field nor`);
  });
});

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/u).map((text) => text.toLowerCase());
const line = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/u);
const value = fc.tuple(
  fc.option(line, { nil: "" }),
  fc.array(
    fc.option(
      line.filter((text) => text !== "."),
      { nil: "" },
    ),
    { maxLength: 3 },
  ),
);
const paragraph = fc.uniqueArray(fc.tuple(name, value), {
  selector: ([key]) => key,
  minLength: 1,
  maxLength: 6,
});

function written(paragraphs: readonly (readonly [string, readonly [string, readonly string[]]])[][]): string {
  return paragraphs
    .map((fields) =>
      fields
        .map(([key, [first, more]]) =>
          [`${key}: ${first}`, ...more.map((each) => ` ${each === "" ? "." : each}`)].join("\n"),
        )
        .join("\n"),
    )
    .join("\n\n");
}

describe("the parser", () => {
  it("reads back whatever was written", () => {
    fc.assert(
      fc.property(fc.array(paragraph, { minLength: 1, maxLength: 4 }), (paragraphs) => {
        const expected = paragraphs.map((fields) =>
          Object.fromEntries(fields.map(([key, [first, more]]) => [key, [first, ...more].join("\n")])),
        );
        expect(read(written(paragraphs))).toEqual(expected);
      }),
    );
  });

  it("throws nothing but its own error, whatever it is given", () => {
    const piece = fc.constantFrom(":", " ", "\n", "\t", "\r", "#", "A", "b", ".", "-", "é", "\0", "A: x\n");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        (text) => {
          try {
            for (const fields of parseControl(text)) expect(fields.size).toBeGreaterThan(0);
          } catch (error) {
            expect((error as Error).message).toMatch(/^line \d+ is neither a field nor/u);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ["blanks before the end of a line", `A: x${" ".repeat(200_000)}y`],
    ["blanks after a colon", `A:${" ".repeat(200_000)}\u2028y`],
    ["carriage returns", `A: x${"\r".repeat(200_000)}y`],
    ["continuation lines", `A: x\n${" y\n".repeat(50_000)}`],
  ])("takes time in proportion to the text: %s", (_what, text) => {
    const begun = performance.now();
    expect(parseControl(text)).toHaveLength(1);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
