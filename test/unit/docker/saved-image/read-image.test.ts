import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../../src/docker/engine";
import { imageReader } from "../../../../src/docker/saved-image/read-image";
import { realHost } from "../../../e2e/images/fixture-image";
import { tar } from "./tars";

/** The bytes of an engine that goes away before the first of them. */
function gone(): Readable {
  return new Readable({
    read() {
      this.destroy(new Error("socket hang up"));
    },
  });
}

/** A reader of an engine with one image, which counts how often it is read; the first `broken` times it goes away. */
function reader(broken = 0): { readonly readImage: Engine["readImage"]; readonly reads: () => number } {
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
  return { readImage: imageReader(realHost("read-image"), saveImage), reads: () => reads };
}

const image = { id: "sha256:1", reference: "x:1" };

describe("an image that several stages of a run read", () => {
  it("is read once, also for who looks for nothing", async () => {
    const { readImage, reads } = reader();
    const [found] = await Promise.all([
      readImage(image, ["one-two-three"]),
      readImage(image, ["one-two-three"]),
    ]);
    expect(found.holding).toEqual(["/secret"]);
    expect((await readImage(image)).files.size).toBe(1);
    expect(reads()).toBe(1);
  });

  it("is read anew for other values and as another image", async () => {
    const { readImage, reads } = reader();
    expect((await readImage(image)).holding).toEqual([]);
    expect((await readImage(image, ["one-two-three"])).holding).toEqual(["/secret"]);
    await readImage({ ...image, id: "sha256:2" });
    expect(reads()).toBe(3);
  });

  it("is read again after an engine went away", async () => {
    const { readImage } = reader(1);
    await expect(readImage(image)).rejects.toThrow("The image x:1 could not be read: socket hang up");
    expect((await readImage(image)).files.size).toBe(1);
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
    const host = { ...realHost("read-image"), signal: interruption.signal };
    const readImage = imageReader(host, () => Promise.resolve(endless));
    await expect(readImage(image)).rejects.toThrow("interrupted");
    expect(endless.destroyed).toBe(true);
  });
});
