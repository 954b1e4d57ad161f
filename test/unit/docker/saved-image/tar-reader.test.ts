import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHeader } from "../../../../src/docker/saved-image/tar-header";
import { tarReader } from "../../../../src/docker/saved-image/tar-reader";
import { tar, type Given } from "./tars";

/** What the reader gives for these bytes, cut into pieces of this size. */
function read(bytes: Buffer, size = bytes.length): { name: string; linkname: string; data: string }[] {
  const reader = tarReader();
  const found: { name: string; linkname: string; data: string }[] = [];
  let chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size)
    for (const part of reader.read(bytes.subarray(at, at + size))) {
      if (part.is === "entry") {
        chunks = [];
        found.push({ name: part.entry.name, linkname: part.entry.linkname, data: "" });
      } else if (part.is === "bytes") chunks.push(part.bytes);
      else found.push({ name: "", linkname: "", ...found.pop(), data: Buffer.concat(chunks).toString() });
    }
  reader.finish();
  return found;
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

describe("reading a tar", () => {
  it("gives what was packed, wherever its bytes are cut", async () => {
    const name = fc.string({ minLength: 1, maxLength: 300, unit: fc.constantFrom("a", "b", "/", "é", "文") });
    const entry = fc.record({
      name: name.map((text) => `x${text.replaceAll(/\/+/gu, "/").replace(/\/$/u, "")}`),
      data: fc.string({ maxLength: 2000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry), fc.integer({ min: 1, max: 3000 }), async (entries, size) => {
        expect(read(await tar(entries), size)).toEqual(entries.map((one) => ({ ...one, linkname: "" })));
      }),
      { numRuns: 50 },
    );
  });

  it("knows links, and names longer than a header has room for", async () => {
    const long = "d/".repeat(120);
    const entries: readonly Given[] = [
      { name: `${long}link`, type: "symlink", linkname: `${long}target` },
      { name: "second", type: "link", linkname: "first" },
    ];
    expect(read(await tar(entries))).toEqual(
      entries.map(({ name, linkname }) => ({ name, linkname, data: "" })),
    );
  });

  it("knows GNU's long names", async () => {
    const long = "n".repeat(200);
    const whole = await tar([
      { name: "././@LongLink", data: `${long}\0` },
      { name: "cut", data: "text" },
    ]);
    const gnu = Buffer.concat([changed(whole, { 156: "L", 257: "ustar  \0" }), whole.subarray(512)]);
    expect(read(gnu)).toEqual([{ name: long, linkname: "", data: "text" }]);
  });

  it("reports one that is cut off or is not a tar", async () => {
    const whole = await tar([{ name: "file", data: "x".repeat(1000) }]);
    expect(() => read(whole.subarray(0, 1000))).toThrow("in the middle of an entry");
    expect(() => read(whole.subarray(0, 300))).toThrow("in the middle of an entry");
    expect(() => read(Buffer.alloc(512, "no tar"))).toThrow("wrong checksum");
  });
});

describe("a header", () => {
  it("has numbers in octal or, where they are too large for that, in binary", async () => {
    const large = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]);
    const block = changed(await tar([{ name: "file", mode: 0o4755 }]), { 124: large });
    expect(readHeader(block, {})).toMatchObject({ entry: { mode: 0o4755, size: 3 * 2 ** 32 + 1 } });
  });

  it("has nothing after a link, whatever its size says", async () => {
    const block = changed(await tar([{ name: "second", type: "link", linkname: "first" }]), {
      124: "00000001750\0",
    });
    expect(readHeader(block, {})).toMatchObject({ entry: { type: "link", size: 0 } });
  });

  it("is corrected by the pax records before it", async () => {
    const header = readHeader(await tar([{ name: "short" }]).then((all) => all.subarray(0, 512)), {
      path: "long",
      size: "7",
      uid: "3000000",
    });
    expect(header).toMatchObject({ entry: { name: "long", size: 7, uid: 3_000_000, gid: 0 } });
  });
});
