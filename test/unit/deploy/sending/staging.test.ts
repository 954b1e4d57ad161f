import { describe, expect, it } from "vitest";
import { uploadDifferences } from "../../../../src/deploy/sending/staging";

const files = [
  { name: "Dockerfile", contents: Buffer.from("FROM é\n") },
  { name: "blaxel.toml", contents: Buffer.from("x\n") },
];
const named = [
  { name: "Dockerfile", size: 8 },
  { name: "blaxel.toml", size: 2 },
];

describe("what bl would upload", () => {
  it("is right when it is exactly the files, folders aside", () => {
    expect(uploadDifferences(files, [...named, { name: "sub/", size: 0 }])).toEqual([]);
  });

  it.each([
    ["nothing at all", [], ["Dockerfile would be left out", "blaxel.toml would be left out"]],
    ["something more", [...named, { name: ".env", size: 3 }], [".env is not one of the rendered files"]],
    [
      "other bytes",
      [{ name: "Dockerfile", size: 7 }, named[1] ?? { name: "", size: 0 }],
      ["Dockerfile would be uploaded with 7 bytes instead of 8"],
    ],
  ])("is wrong when it is %s", (_what, would, expected) => {
    expect(uploadDifferences(files, would)).toEqual(expected);
  });
});
