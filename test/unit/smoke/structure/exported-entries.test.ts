import { describe, expect, it } from "vitest";
import { entryAt, type Entry } from "../../../../src/smoke/structure/exported-entries";

const of = (kind: Entry["kind"], linkname?: string): Entry => ({ kind, mode: 0, uid: 0, gid: 0, linkname });
const entries = new Map<string, Entry>([
  ["/", of("directory")],
  ["/d", of("directory")],
  ["/d/file", of("file")],
  ["/d/up", of("symlink", "../d/./file")],
  ["/link", of("symlink", "/d")],
  ["/twice", of("symlink", "link")],
  ["/dangling", of("symlink", "nowhere")],
  ["/round", of("symlink", "round")],
]);
const at = (path: string): string | undefined => {
  const found = entryAt(entries, path);
  return [...entries].find(([, entry]) => entry === found)?.[0];
};

describe("an entry of an exported file system", () => {
  it("is the link itself at the end of a path, to nowhere as well", () => {
    expect(["/link", "/dangling", "/d/up", "/round"].map(at)).toEqual([
      "/link",
      "/dangling",
      "/d/up",
      "/round",
    ]);
  });

  it("is found through links on the way, relative ones and chains of them", () => {
    expect(["/link/file", "/twice/file", "twice/../d/up", "/link/../link"].map(at)).toEqual([
      "/d/file",
      "/d/file",
      "/d/up",
      "/link",
    ]);
  });

  it("is what a link points at where the path ends with a slash, if that is a folder", () => {
    expect(["/link/", "/d/.", "/", "/d/file/", "/dangling/", "/round/"].map(at)).toEqual([
      "/d",
      "/d",
      "/",
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("is none where nothing is, or a file stands on the way", () => {
    expect(["/nowhere", "/d/file/x", "/dangling/x", "/round/x"].map(at)).toEqual(Array(4).fill(undefined));
  });
});
