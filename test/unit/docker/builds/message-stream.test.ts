import { PassThrough, Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameReader } from "../../../../src/docker/containers/output";
import {
  messagesOf,
  StreamBroken,
  type EngineMessage,
  type MessageStreamOptions,
} from "../../../../src/docker/builds/message-stream";

const idle = new AbortController().signal;

/** Cuts bytes at the given places (fractions of the whole). */
function cut(data: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * data.length)))].sort((a, b) => a - b);
  return [...at, data.length].map((end, index) => data.subarray(at[index - 1] ?? 0, end));
}

async function all(stream: Readable, options: Partial<MessageStreamOptions> = {}): Promise<EngineMessage[]> {
  const found: EngineMessage[] = [];
  for await (const message of messagesOf(stream, { signal: idle, ...options })) found.push(message);
  return found;
}

const read = (chunks: readonly Buffer[]): Promise<EngineMessage[]> => all(Readable.from(chunks));

describe("the engine's messages", () => {
  it("are the same wherever the chunks are cut, also inside a character", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        async (texts, places) => {
          const data = Buffer.from(texts.map((stream) => `${JSON.stringify({ stream })}\r\n`).join(""));
          expect((await read(cut(data, places))).map((message) => message.stream)).toEqual(texts);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("are read to the last one, with or without a newline behind it", async () => {
    expect(await read([Buffer.from('{"stream":"a"}\n{"stream":"hé"}')])).toEqual([
      { stream: "a" },
      { stream: "hé" },
    ]);
    expect(await read([])).toEqual([]);
  });

  it("tell a failure, in either of the engine's two ways", async () => {
    expect(
      await read([Buffer.from('{"errorDetail":{"code":3,"message":"exit code: 3"},"error":"other"}\n')]),
    ).toEqual([{ error: "exit code: 3" }]);
    expect(await read([Buffer.from('{"error":"no such image"}\n')])).toEqual([{ error: "no such image" }]);
  });

  it("break on half a message, on a broken connection and on silence", async () => {
    await expect(read([Buffer.from('{"stream":"a')])).rejects.toThrow(StreamBroken);
    await expect(read([Buffer.alloc(16 * 1024 * 1024, "x")])).rejects.toThrow("not a message: xxx");
    const torn = new PassThrough();
    torn.write('{"stream":"a"}\n');
    setTimeout(() => torn.destroy(new Error("socket hang up")), 5);
    await expect(all(torn)).rejects.toThrow("socket hang up");
    const silent = new PassThrough();
    await expect(all(silent, { silenceMs: 20 })).rejects.toThrow("sent nothing for 0.02 s");
    expect(silent.destroyed).toBe(true);
  });

  it("end with the reason of an interruption", async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    setTimeout(() => {
      stop.abort(new Error("Ctrl-C"));
    }, 5);
    await expect(all(stream, { signal: stop.signal })).rejects.toThrow("Ctrl-C");
    expect(stream.destroyed).toBe(true);
  });
});

describe("a container's output", () => {
  it("is put together again wherever the chunks are cut", () => {
    const frame = fc.record({
      stream: fc.constantFrom("stdout" as const, "stderr" as const),
      data: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (frames, places) => {
          const data = Buffer.concat(
            frames.map((one) => {
              const header = Buffer.alloc(8);
              header[0] = one.stream === "stderr" ? 2 : 1;
              header.writeUInt32BE(one.data.length, 4);
              return Buffer.concat([header, one.data]);
            }),
          );
          const reader = frameReader();
          const found = cut(data, places).flatMap((chunk) => reader(chunk));
          expect(found.map((one) => ({ stream: one.stream, data: [...one.data] }))).toEqual(
            frames.map((one) => ({ stream: one.stream, data: [...one.data] })),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
