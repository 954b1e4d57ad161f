import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readDebControl } from "../../../src/apt/deb-file";
import { onPath } from "../lock/fixture/on-path";
import { ar, tinyDeb } from "../lock/fixture/tiny-deb";

const DEPENDS = "libc6 (>= 2.34), fuse3, libssl3 | libssl3t64";

/** A zstd frame of blocks that each say one byte again and again: 4 bytes for up to 2 MiB (RFC 8878, 3.1.1). */
function zstdOf(blocks: number, { blockBytes = 1, window = 0x38 }): Buffer {
  const block = (isLast: boolean): number[] => {
    const header = (blockBytes << 3) | 2 | (isLast ? 1 : 0);
    return [header & 0xff, (header >> 8) & 0xff, (header >> 16) & 0xff, 0];
  };
  const all = Array.from({ length: blocks }, (_, index) => block(index === blocks - 1)).flat();
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window, ...all]);
}

/** A frame that decoders skip: five bytes that say nothing (RFC 8878, 3.1.2). */
const SKIPPED = Buffer.from("5a2a4d180500000028b52ffd00", "hex");

describe("reading a .deb", () => {
  it.each([
    ["gz", true],
    ["none", true],
    ["xz", onPath("xz")],
    ["zst", onPath("zstd")],
  ] as const)("packed with %s", async (compression, possible) => {
    if (!possible) return;
    const deb = await tinyDeb({ version: "0.20.0-1", depends: DEPENDS, compression });
    expect(await readDebControl(deb, "x.deb")).toEqual({
      package: "mesa",
      version: "0.20.0-1",
      architecture: "amd64",
      depends: DEPENDS,
    });
  });

  it.each([
    [
      "gz",
      Buffer.concat(Array<Buffer>(80).fill(gzipSync(Buffer.alloc(1024 * 1024)))),
      "unpacks to more than",
    ],
    ["zst", zstdOf(1, { blockBytes: 2 ** 20 }), "block larger than zstd allows"],
    ["zst", zstdOf(1, { window: 0xa0 }), "window of more than"],
    ["zst", Buffer.concat([zstdOf(3, {}), zstdOf(1, { window: 0xa0 })]), "window of more than"],
    ["zst", Buffer.concat([SKIPPED, zstdOf(2, {}), SKIPPED, zstdOf(1, { window: 0xa0 })]), "window of more"],
    ["zst", Buffer.from("28b52ffd", "hex"), "unexpected EOF"],
  ])("refuses a .%s that unpacks without end", async (suffix, packed, why) => {
    const deb = ar([
      ["debian-binary", Buffer.from("2.0\n")],
      [`control.tar.${suffix}`, packed],
    ]);
    await expect(readDebControl(deb, "x.deb")).rejects.toMatchObject({
      code: "DEB_UNREADABLE",
      message: expect.stringContaining(why) as string,
    });
  });

  it.runIf(onPath("dpkg-deb"))("that dpkg-deb reads too, with the same result", async () => {
    const folder = mkdtempSync(join(tmpdir(), "deb-test-"));
    try {
      const path = join(folder, "x.deb");
      writeFileSync(path, await tinyDeb({ version: "0.20.0", depends: DEPENDS }));
      expect(execFileSync("dpkg-deb", ["-f", path, "Version", "Depends"], { encoding: "utf8" })).toBe(
        `Version: 0.20.0\nDepends: ${DEPENDS}\n`,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ["a web page", "<html>not found</html>", "not an ar archive"],
    ["an empty file", "", "not an ar archive"],
    ["another ar archive", ar([["x", Buffer.from("y")]]), "its format is not 2.x"],
    ["one without control.tar", ar([["debian-binary", Buffer.from("2.0\n")]]), "no control.tar"],
    [
      "one cut short",
      ar([
        ["debian-binary", Buffer.from("2.0\n")],
        ["control.tar", Buffer.alloc(2000)],
      ]).subarray(0, 900),
      "cut short",
    ],
    [
      "one with a member twice",
      ar([
        ["debian-binary", Buffer.from("2.0\n")],
        ["debian-binary", Buffer.from("2.0\n")],
      ]),
      "two members",
    ],
    [
      "one whose control.tar is empty",
      ar([
        ["debian-binary", Buffer.from("2.0\n")],
        ["control.tar", Buffer.alloc(1024)],
      ]),
      "no control file",
    ],
    [
      "one whose gzip is none",
      ar([
        ["debian-binary", Buffer.from("2.0\n")],
        ["control.tar.gz", Buffer.from("no")],
      ]),
      "x.deb",
    ],
  ])("refuses %s", async (_what, bytes, why) => {
    await expect(readDebControl(Buffer.from(bytes), "x.deb")).rejects.toMatchObject({
      code: "DEB_UNREADABLE",
      kind: "upstream",
      message: expect.stringContaining(why) as string,
    });
  });

  it("refuses a control file without Version", async () => {
    const deb = await tinyDeb({ version: "" });
    await expect(readDebControl(deb, "x.deb")).rejects.toMatchObject({
      message: expect.stringContaining("no field version") as string,
    });
  });
});
