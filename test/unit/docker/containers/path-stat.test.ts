import { describe, expect, it } from "vitest";
import { readPathStat } from "../../../../src/docker/containers/path-stat";

const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");

describe("what an engine's header says of a path", () => {
  // Modes as Docker Engine 20.10 said them of a Debian image.
  it.each([
    [
      { name: "bash", mode: 0o755 },
      { kind: "file", mode: 0o755 },
    ],
    [
      { name: "etc", mode: 2147484141 },
      { kind: "directory", mode: 0o755 },
    ],
    [
      { name: "tmp", mode: 2148532735 },
      { kind: "directory", mode: 0o1777 },
    ],
    [
      { name: "bin", mode: 134218239 },
      { kind: "symlink", mode: 0o777 },
    ],
    [
      { name: "mount", mode: 8389101 },
      { kind: "file", mode: 0o4755 },
    ],
    [
      { name: "wall", mode: 4194797 },
      { kind: "file", mode: 0o2755 },
    ],
    [
      { name: "null", mode: 69206454 },
      { kind: "character", mode: 0o666 },
    ],
    [
      { name: "loop0", mode: 67109296 },
      { kind: "block", mode: 0o660 },
    ],
    [
      { name: "initctl", mode: 33554816 },
      { kind: "pipe", mode: 0o600 },
    ],
  ])("%j", (said, expected) => {
    expect(readPathStat(header(said))).toEqual(expected);
  });

  it.each([
    ["text that is no base64 of JSON", "%%%"],
    ["a mode in words", header({ mode: "drwx" })],
    ["no mode", header({})],
    ["a negative mode", header({ mode: -1 })],
    ["a mode with more bits than Go has", header({ mode: 2 ** 32 })],
  ])("nothing of %s", (_name, said) => {
    expect(readPathStat(said)).toBeUndefined();
  });
});
