import { describe, expect, it } from "vitest";
import { decompress } from "../../../src/apt/decompress";
import { onPath } from "../lock/fixture/on-path";
import { packed } from "../lock/fixture/tiny-deb";

const TEXT = Buffer.from("Package: mesa\n".repeat(5000));
const LIMIT = 1_000_000;

describe.each(["gz", "xz", "zst"] as const)("a file compressed with %s", (compression) => {
  const isHere = compression === "gz" || onPath(compression === "xz" ? "xz" : "zstd");
  const whole = isHere ? packed(TEXT, compression) : TEXT;

  it.skipIf(!isHere)("is read whole", async () => {
    expect(TEXT.equals(await decompress(whole, `.${compression}`, LIMIT))).toBe(true);
  });

  it.skipIf(!isHere).each<[string, Buffer]>([
    ["half of it", whole.subarray(0, whole.length / 2)],
    ["all but its last byte", whole.subarray(0, whole.length - 1)],
    ["something else", Buffer.from("<html>a login page</html>")],
    ["something behind it", Buffer.concat([whole, Buffer.from("more")])],
  ])("is refused as %s", async (_what, broken) => {
    const unpacking = decompress(broken, `.${compression}`, LIMIT);
    await expect(unpacking).rejects.toThrow(`it is not whole, or not ${compression} (`);
  });

  it.skipIf(!isHere)("is not unpacked beyond the limit", async () => {
    const bomb = packed(Buffer.alloc(2 * LIMIT), compression);
    await expect(decompress(bomb, `.${compression}`, LIMIT)).rejects.toThrow(
      "unpacks to more than 1000000 bytes",
    );
  });
});
