import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decompress } from "../../../src/apt/decompress";
import { onPath } from "../lock/fixture/on-path";
import { packed } from "../lock/fixture/tiny-deb";

const TEXT = Buffer.from("Package: mesa\n".repeat(5000));
const LIMIT = 1_000_000;

describe.each(["gz", "xz", "zst"] as const)("a file compressed with %s", (compression) => {
  const isHere = compression === "gz" || onPath(compression === "xz" ? "xz" : "zstd");
  const pack = (bytes: Buffer): Buffer =>
    compression === "gz" ? gzipSync(bytes) : packed(bytes, compression);

  it.skipIf(!isHere)("is read whole", async () => {
    expect(TEXT.equals(await decompress(pack(TEXT), `.${compression}`, LIMIT))).toBe(true);
  });

  it.skipIf(!isHere).each<[string, (whole: Buffer) => Buffer]>([
    ["half of it", (whole) => whole.subarray(0, whole.length / 2)],
    ["all but its last byte", (whole) => whole.subarray(0, whole.length - 1)],
    ["something else", () => Buffer.from("<html>a login page</html>")],
    ["something behind it", (whole) => Buffer.concat([whole, Buffer.from("more")])],
  ])("is refused as %s", async (_what, change) => {
    const unpacking = decompress(change(pack(TEXT)), `.${compression}`, LIMIT);
    await expect(unpacking).rejects.toThrow(`it is not whole, or not ${compression} (`);
  });

  it.skipIf(!isHere)("is not unpacked beyond the limit", async () => {
    const bomb = pack(Buffer.alloc(20 * LIMIT));
    await expect(decompress(bomb, `.${compression}`, LIMIT)).rejects.toThrow(
      "unpacks to more than 1000000 bytes",
    );
  });
});
