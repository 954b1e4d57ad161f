import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { mergeLayers } from "../../../../src/docker/saved-image/merge-layers";
import { readLayer } from "../../../../src/docker/saved-image/read-layer";
import { tar, type Given } from "./tars";

const folder = (name: string, mode = 0o755): Given => ({ name: `${name}/`, type: "directory", mode });
const file = (name: string, data = name): Given => ({ name, data });

/** The merged paths of layers with their kinds: "/etc directory". */
async function merged(...layers: readonly (readonly Given[])[]): Promise<readonly string[]> {
  return [...(await mergedFiles(...layers)).values()].map(({ path, kind }) => `${path} ${kind}`);
}

async function mergedFiles(
  ...layers: readonly (readonly Given[])[]
): Promise<ReturnType<typeof mergeLayers>> {
  const read = layers.map(async (entries) => readLayer(Readable.from([await tar(entries)]), []));
  return mergeLayers(await Promise.all(read));
}

describe("layers laid over each other", () => {
  it("hide what a whiteout names, with all that is in it", async () => {
    const below = [folder("a"), folder("a/b"), file("a/b/c"), file("a/d")];
    expect(await merged(below, [file("a/.wh.b", "")])).toEqual(["/a directory", "/a/d file"]);
  });

  it("hide all of an opaque folder, and show what the same layer puts there, before or after", async () => {
    const below = [folder("a"), file("a/old"), folder("a/b"), file("a/b/old")];
    const above = [folder("a"), file("a/first"), file("a/.wh..wh..opq", ""), file("a/last")];
    expect(await merged(below, above)).toEqual(["/a directory", "/a/first file", "/a/last file"]);
  });

  it("show what one layer hides and another brings again", async () => {
    const layers = [[folder("a"), file("a/x")], [file(".wh.a", "")], [folder("a"), file("a/y")]];
    expect(await merged(...layers)).toEqual(["/a directory", "/a/y file"]);
  });

  it("put another kind in the place of what was there, and a folder over a folder", async () => {
    const below = [folder("a"), file("a/in"), file("b"), file("c"), folder("d"), file("d/kept")];
    const above: Given[] = [
      file("a"),
      folder("b"),
      file("b/in"),
      { name: "c", type: "symlink", linkname: "b" },
      folder("d", 0o700),
    ];
    const files = await mergedFiles(below, above);
    expect([...files.values()].map(({ path, kind, mode }) => `${path} ${kind} ${mode.toString(8)}`)).toEqual([
      "/a file 644",
      "/b directory 755",
      "/b/in file 644",
      "/c symlink 644",
      "/d directory 700",
      "/d/kept file 644",
    ]);
  });

  it("have implied folders, and no bookkeeping of aufs", async () => {
    const layer = [file("./opt/x/y.txt"), file(".wh..wh.plnk/9.8", ""), file(".wh..wh.aufs", "")];
    expect(await merged(layer)).toEqual(["/opt directory", "/opt/x directory", "/opt/x/y.txt file"]);
  });

  it("give a hard link the bytes of its first name, its own owner and mode", async () => {
    const files = await mergedFiles([
      file("first", "same"),
      { name: "second", type: "link", linkname: "./first", mode: 0o755 },
    ]);
    const [first, second] = files.values();
    expect(second).toEqual({ ...first, path: "/second", mode: 0o755 });
    expect(first).toMatchObject({ sizeBytes: 4, content: "0967115f2813a354" });
  });

  it("keep the text of a package database that is there in the end", async () => {
    const status = "/var/lib/dpkg/status";
    const texts = async (...layers: readonly (readonly Given[])[]): Promise<unknown> =>
      [...(await mergedFiles(...layers)).values()].flatMap(({ path, text }) =>
        text === undefined ? [] : `${path} ${text}`,
      );
    expect(await texts([file(status, "old")], [file(status, "new"), file("etc/x")])).toEqual([
      `${status} new`,
    ]);
    expect(await texts([file(status, "old")], [file("var/lib/.wh.dpkg", "")])).toEqual([]);
  });
});
