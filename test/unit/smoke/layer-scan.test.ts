import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanLayers, searcher } from "../../../src/smoke/layer-scan";

async function tar(
  entries: readonly {
    readonly name: string;
    readonly data?: string | Buffer;
    readonly mode?: number;
    readonly type?: "file" | "directory" | "symlink";
  }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, data = "", mode = 0o644, type = "file" } of entries)
    archive.entry({ name, mode, type, ...(type === "symlink" ? { linkname: "x" } : {}) }, data);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const config = JSON.stringify({ history: "x".repeat(3000) });

describe("what an image's layers hold", () => {
  it("is found in every way engines write them: layer.tar, blobs, compressed", async () => {
    const first = await tar([
      { name: "./usr/bin/fusermount3", mode: 0o4755 },
      { name: "etc/", type: "directory", mode: 0o755 },
      { name: "etc/secret", data: "key=abcdef123456!" },
    ]);
    const second = await tar([
      { name: "etc/.wh.secret" },
      { name: "usr/bin/sh", type: "symlink" },
      { name: "opt/x.deb", data: "deb" },
    ]);
    const saved = await tar([
      { name: "blobs/sha256/aaa", data: first },
      { name: "0123/layer.tar", data: gzipSync(second) },
      { name: "cafe.json", data: config },
      { name: "0123/VERSION", data: "1.0" },
      { name: "manifest.json", data: "[]" },
    ]);
    const scan = await scanLayers(Readable.from([saved]), ["abcdef123456", "nowhere-to-be-found"]);
    expect(scan.holding).toEqual(["/etc/secret"]);
    expect(scan.files.map((file) => [file.path, file.kind, file.mode])).toEqual([
      ["etc", "directory", 0o755],
      ["etc/.wh.secret", "file", 0o644],
      ["etc/secret", "file", 0o644],
      ["opt/x.deb", "file", 0o644],
      ["usr/bin/fusermount3", "file", 0o4755],
      ["usr/bin/sh", "symlink", 0o644],
    ]);
  });
});

describe("looking for a value", () => {
  it("finds it wherever the chunks are cut, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 12 }),
        fc.string({ maxLength: 60 }),
        fc.string({ maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        (value, before, after, present, size) => {
          const text = Buffer.from(present ? before + value + after : before + after);
          const search = searcher([Buffer.from(value)]);
          for (let at = 0; at < text.length; at += size) search.take(text.subarray(at, at + size));
          expect(search.found()).toBe(text.includes(value));
        },
      ),
    );
  });
});
