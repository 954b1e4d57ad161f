import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unzstd } from "../../../../src/support/files/zstd";
import { onPath } from "../../lock/fixture/on-path";

async function unpack(chunks: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of unzstd(chunks)) parts.push(part);
  return Buffer.concat(parts);
}

const zstd = (data: Buffer, ...options: readonly string[]): Buffer =>
  execFileSync("zstd", ["-qc", ...options], { input: data });

describe.runIf(onPath("zstd"))("zstd as the zstd program writes it", () => {
  const frames = [
    Buffer.alloc(150_000, "text "),
    randomBytes(140_000),
    Buffer.from("short"),
    Buffer.alloc(0),
  ];
  const whole = Buffer.concat(frames);
  const packed = Buffer.concat(
    frames.map((data, index) => zstd(data, index % 2 === 0 ? "--check" : "--no-check", "-19")),
  );

  it("is unpacked frame by frame, wherever the chunks are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: packed.length }), { maxLength: 6 }),
        async (places) => {
          const at = [...new Set(places)].sort((a, b) => a - b);
          const chunks = [...at, packed.length].map((end, index) => packed.subarray(at[index - 1] ?? 0, end));
          expect((await unpack(chunks)).equals(whole)).toBe(true);
        },
      ),
      { numRuns: 10 },
    );
  });

  it("is refused where a later frame wants a large window", async () => {
    const greedy = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0]);
    await expect(unpack([Buffer.concat([packed, greedy])])).rejects.toThrow("window of more than");
    const small = zstd(Buffer.from("short"), "--check");
    await expect(unpack([...small].map((byte) => Uint8Array.of(byte)).concat(greedy))).rejects.toThrow(
      "window of more than",
    );
  });
});
