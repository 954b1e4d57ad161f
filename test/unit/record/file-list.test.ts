import { expect, it } from "vitest";
import { fileListText, parseFileList } from "../../../src/record/file-list";

it("a list of files is read as it was written, also from a checkout with Windows line breaks", () => {
  const at = { mode: 0o755, uid: 0, gid: 0, sizeBytes: 1 };
  const files = [
    { ...at, path: "/a b\r", kind: "file" as const, content: "sha256:0" },
    { ...at, path: "/ä", kind: "directory" as const, content: "" },
  ];
  const text = fileListText(files);
  for (const one of [text, text.replaceAll("\n", "\r\n")]) expect(parseFileList(one)).toEqual(files);
});
