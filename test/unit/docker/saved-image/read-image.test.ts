import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../../src/docker/index";
import { readImage } from "../../../../src/docker/saved-image/index";
import { realHost } from "../../../e2e/fixture-image";
import { tar } from "./tars";

/** The bytes of an engine that goes away before the first of them. */
function gone(): Readable {
  return new Readable({
    read() {
      this.destroy(new Error("socket hang up"));
    },
  });
}

/** An engine with one image, which counts how often it is read; the first `broken` times it goes away. */
function engineOf(broken = 0): { readonly engine: Engine; readonly reads: () => number } {
  let reads = 0;
  const saveImage = async (): Promise<Readable> => {
    reads += 1;
    if (reads <= broken) return gone();
    const layer = await tar([{ name: "secret", data: "value=one-two-three" }]);
    const manifest = JSON.stringify([{ Config: "config.json", Layers: ["a.tar"] }]);
    return Readable.from([
      await tar([
        { name: "a.tar", data: layer },
        { name: "config.json", data: "{}" },
        { name: "manifest.json", data: manifest },
      ]),
    ]);
  };
  return { engine: { saveImage } as unknown as Engine, reads: () => reads };
}

const image = { id: "sha256:1", reference: "x:1" };

describe("an image that several stages of a run read", () => {
  it("is read once, also for who looks for nothing", async () => {
    const { engine, reads } = engineOf();
    const host = realHost("read-image");
    const [found] = await Promise.all([
      readImage(host, engine, image, ["one-two-three"]),
      readImage(host, engine, image, ["one-two-three"]),
    ]);
    expect(found.holding).toEqual(["/secret"]);
    expect((await readImage(host, engine, image)).files.size).toBe(1);
    expect(reads()).toBe(1);
  });

  it("is read anew for other values, as another image, and in another run", async () => {
    const { engine, reads } = engineOf();
    const host = realHost("read-image");
    expect((await readImage(host, engine, image)).holding).toEqual([]);
    expect((await readImage(host, engine, image, ["one-two-three"])).holding).toEqual(["/secret"]);
    await readImage(host, engine, { ...image, id: "sha256:2" });
    await readImage(realHost("another"), engine, image);
    expect(reads()).toBe(4);
  });

  it("is read again after an engine went away", async () => {
    const { engine } = engineOf(1);
    const host = realHost("read-image");
    await expect(readImage(host, engine, image)).rejects.toThrow(
      "The image x:1 could not be read: socket hang up",
    );
    expect((await readImage(host, engine, image)).files.size).toBe(1);
  });

  it("is not read to its end once the run is interrupted", async () => {
    const interruption = new AbortController();
    const endless = Readable.from(
      (function* () {
        yield Buffer.alloc(512);
        interruption.abort(new Error("interrupted"));
        for (;;) yield Buffer.alloc(512);
      })(),
    );
    const engine = { saveImage: () => Promise.resolve(endless) } as unknown as Engine;
    const host = { ...realHost("read-image"), signal: interruption.signal };
    await expect(readImage(host, engine, image)).rejects.toThrow("interrupted");
    expect(endless.destroyed).toBe(true);
  });
});
