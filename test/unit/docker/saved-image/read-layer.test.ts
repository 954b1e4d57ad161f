import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLayer, searcher, type LayerEntry } from "../../../../src/docker/saved-image/read-layer";
import { tar, type Given } from "./tars";

/** What is read of these bytes, cut into pieces of this size. */
function read(bytes: Buffer, size = bytes.length): Promise<readonly LayerEntry[]> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  return readLayer(Readable.from(pieces), []);
}

function contentOf(data: string): string {
  return createHash("sha256").update(data).digest("hex").slice(0, 16);
}

/** The header of the first entry with these bytes at these places, and the checksum they need. */
function changed(header: Buffer, changes: Readonly<Record<number, string | Buffer>>): Buffer {
  const block = Buffer.from(header.subarray(0, 512));
  for (const [at, value] of Object.entries(changes)) Buffer.from(value).copy(block, Number(at));
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

describe("reading a layer", () => {
  it("gives what was packed, wherever its bytes are cut", async () => {
    const name = fc.string({ minLength: 1, maxLength: 300, unit: fc.constantFrom("a", "b", "/", "é", "文") });
    const entry = fc.record({
      name: name.map((text) => `x${text.replaceAll(/\/+/gu, "/").replace(/\/$/u, "")}`),
      data: fc.string({ maxLength: 2000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry), fc.integer({ min: 1, max: 3000 }), async (entries, size) => {
        const found = await read(await tar(entries), size);
        expect(found.map(({ path, held }) => [path, held.sizeBytes, held.content])).toEqual(
          entries.map((one) => [`/${one.name}`, Buffer.byteLength(one.data), contentOf(one.data)]),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("knows links, and names longer than a header has room for", async () => {
    const long = "d/".repeat(120);
    const entries: readonly Given[] = [
      { name: `${long}link`, type: "symlink", linkname: `${long}target` },
      { name: "second", type: "link", linkname: "./first" },
      { name: "pipe", type: "fifo" },
    ];
    expect(await read(await tar(entries))).toMatchObject([
      { path: `/${long}link`, held: { kind: "symlink", content: `${long}target` } },
      { path: "/second", firstName: "/first", held: { kind: "file", sizeBytes: 0, content: "" } },
      { path: "/pipe", held: { kind: "other", content: "" } },
    ]);
  });

  it("knows the same path in every notation", async () => {
    const entries = ["./etc/", "/etc/", "etc//", "./././etc"].map((name): Given => ({ name }));
    expect((await read(await tar(entries))).map(({ path }) => path)).toEqual(entries.map(() => "/etc"));
  });

  it("knows tars from before POSIX, and ids that do not fit into a header", async () => {
    const old = changed(await tar([{ name: "old", mode: 0o4755 }]), { 257: Buffer.alloc(8) });
    const large = await tar([{ name: "large", pax: { uid: "3000000" } }]);
    expect(await read(Buffer.concat([old, large]))).toMatchObject([
      { path: "/old", held: { mode: 0o4755, uid: 0 } },
      { path: "/large", held: { uid: 3_000_000, gid: 0 } },
    ]);
  });

  it("reports one that is cut off or is not a tar", async () => {
    const whole = await tar([{ name: "file", data: "x".repeat(1000) }]);
    await expect(read(whole.subarray(0, 1000))).rejects.toThrow("Unexpected end of data");
    await expect(read(whole.subarray(0, 300))).rejects.toThrow("Unexpected end of data");
    await expect(read(Buffer.alloc(512, "no tar"))).rejects.toThrow("Invalid tar header");
  });
});

describe("looking for a value", () => {
  it("finds it wherever the chunks are cut, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 12 }),
        fc.string({ minLength: 6, maxLength: 12 }),
        fc.string({ maxLength: 60 }),
        fc.string({ maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 30 }),
        (value, other, before, after, present, size) => {
          const text = Buffer.from(present ? before + value + after : before + after);
          const search = searcher([Buffer.from(other), Buffer.from(value)]);
          for (let at = 0; at < text.length; at += size) search.take(text.subarray(at, at + size));
          expect(search.found()).toBe(text.includes(value) || text.includes(other));
        },
      ),
    );
  });
});
