import { describe, expect, it } from "vitest";
import { parseEnvFile } from "../../../../src/smoke/structure/env-file";

describe("an env file is read as godotenv reads it", () => {
  it.each<readonly [string, string, Readonly<Record<string, string>>]>([
    ["lines, the last one without an end", "A=1\nB=2", { A: "1", B: "2" }],
    ["Windows line ends", "A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["comments and empty lines", "# first\n\n  # indented\nA=1\n#last", { A: "1" }],
    ["export", "export A=1\nexport\tB=2\nexport=3", { A: "1", B: "2", export: "3" }],
    ["spaces around", "  A = 1 2 \n", { A: "1 2" }],
    ["colons, as YAML has them", "A: 1\nB:2", { A: "1", B: "2" }],
    ["a comment behind a value", "A=1 # one\nB=x#y\nC=# z", { A: "1", B: "x#y", C: "# z" }],
    ["the last of several comments", "A=x # y # z", { A: "x # y" }],
    [
      "double quotes",
      'A="x # y"\nB="say \\"hi\\" there" # why\nC=""',
      { A: "x # y", B: 'say "hi" there', C: "" },
    ],
    ["single quotes", "A='x $B \\n'\nB='it\\'s'", { A: "x $B \\n", B: "it\\'s" }],
    ["lines in quotes", 'A="one\ntwo\\nthree"\nB=1', { A: "one\ntwo\nthree", B: "1" }],
    ["quotes inside a value", 'A=a"b"', { A: 'a"b"' }],
    ["values without anything", "A=\nB=1\nC=", { A: "", B: "1", C: "" }],
    ["values with the sign in them", "A=b=c:d", { A: "b=c:d" }],
    [
      "names from above, in capital letters",
      'X=1\nA=$X/${X}\nB="$X$NOWHERE"\nC=\\$X\nd=2\nD=$d',
      { X: "1", A: "1/1", B: "1", C: "$X", d: "2", D: "$d" },
    ],
    ["the last value of a name", "A=1\nA=2", { A: "2" }],
    ["no line at all", "", {}],
    ["a last word that is no statement", "A=1\nword", { A: "1", "": "word" }],
  ])("%s", (_, source, is) => {
    expect(Object.fromEntries(parseEnvFile(source))).toEqual(is);
  });

  it.each([
    ["a word alone", "word\nA=1", 'unexpected character "\\n"'],
    ["a name with a dash", "A-B=1", 'unexpected character "-"'],
    ["an open quote", 'A="x\nB=1', 'unterminated quoted value "x'],
  ])("%s is no env file", (_, source, message) => {
    expect(() => parseEnvFile(source)).toThrow(message);
  });
});
