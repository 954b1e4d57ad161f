import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readTarEntries } from "../../../../src/docker/tar-entries";
import { readSavedImage } from "../../../../src/docker/saved-image/read-saved-image";
import { tar, type Given } from "./tars";

const first: readonly Given[] = [
  { name: "./usr/bin/fusermount3", mode: 0o4755 },
  { name: "etc/", type: "directory", mode: 0o755 },
  { name: "etc/secret", data: "key=abcdef123456!" },
];
const second: readonly Given[] = [
  { name: "etc/.wh.secret" },
  { name: "usr/bin/sh", type: "symlink", linkname: "dash" },
  { name: "opt/x.deb", data: "deb" },
];

const CONFIG: Given = { name: "config.json", data: "{}" };
const list = (...Layers: readonly string[]): Given => ({
  name: "manifest.json",
  data: JSON.stringify([{ Config: CONFIG.name, Layers }]),
});

function readFrom(archive: Readable, values: readonly string[]): ReturnType<typeof readSavedImage> {
  const never = new AbortController().signal;
  return readTarEntries("It could not be read", archive, never, (saved) => readSavedImage(saved, values));
}

async function read(parts: readonly Given[]): ReturnType<typeof readSavedImage> {
  return readFrom(Readable.from([await tar([...parts, CONFIG])]), ["abcdef123456", "nowhere-to-be-found"]);
}

describe("an image as docker save writes it", () => {
  it.skipIf(spawnSync("zstd", ["--version"]).status !== 0)(
    "is read where zstd compressed its layers",
    async () => {
      // More than one frame's window, in chunks that end anywhere.
      const big = randomBytes(3 * 1024 * 1024);
      const layer = await tar([{ name: "big", data: big }, ...first]);
      const { stdout } = spawnSync("zstd", ["-q", "-c"], { input: layer, maxBuffer: 64 * 1024 * 1024 });
      const saved = await tar([CONFIG, { name: "blobs/sha256/a", data: stdout }, list("blobs/sha256/a")]);
      const chunks = Array.from({ length: Math.ceil(saved.length / 10_007) }, (_, at) =>
        saved.subarray(at * 10_007, (at + 1) * 10_007),
      );
      const { holding, files } = await readFrom(Readable.from(chunks), ["abcdef123456"]);
      expect(holding).toEqual(["/etc/secret"]);
      expect(files.get("/big")).toMatchObject({
        sizeBytes: big.length,
        content: createHash("sha256").update(big).digest("hex").slice(0, 16),
      });
    },
  );

  it("is read in every way engines write it: layer.tar, blobs, compressed, in another order than it has", async () => {
    const saved = await read([
      { name: "0123/layer.tar", data: gzipSync(await tar(second)) },
      { name: "0123/VERSION", data: "1.0" },
      { name: "cafe.json", data: JSON.stringify({ history: "x".repeat(3000) }) },
      list("blobs/sha256/aaa", "0123/layer.tar", "empty/layer.tar"),
      { name: "blobs/sha256/aaa", data: await tar(first) },
      { name: "empty/layer.tar", data: Buffer.alloc(1024) },
    ]);
    expect(saved.holding).toEqual(["/etc/secret"]);
    expect(saved.inLayers).toEqual([
      "/etc/.wh.secret",
      "/etc/secret",
      "/opt/x.deb",
      "/usr/bin/fusermount3",
      "/usr/bin/sh",
    ]);
    expect([...saved.files.values()].map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      "/etc 755",
      "/opt 755",
      "/opt/x.deb 644",
      "/usr 755",
      "/usr/bin 755",
      "/usr/bin/fusermount3 4755",
      "/usr/bin/sh 644",
    ]);
  });

  it("has the digest of its configuration, and the bytes of its files by the steps that made them", async () => {
    const history = [
      { created_by: "ADD rootfs" },
      { created_by: "ENV A=b", empty_layer: true },
      { created_by: "RUN one" },
    ];
    const data = JSON.stringify({ history });
    const config = { name: "blobs/sha256/cafe", data };
    const manifest = (...Layers: readonly string[]): Given => ({
      name: "manifest.json",
      data: JSON.stringify([{ Config: "blobs/sha256/cafe", Layers }]),
    });
    const layer = async (name: string, size: number): Promise<Given> => ({
      name,
      data: await tar([
        { name: "f", data: "x".repeat(size) },
        { name: "l", type: "symlink", linkname: "f" },
      ]),
    });
    const layers = await Promise.all([layer("a", 700), layer("b", 30), layer("c", 1)]);
    const two = await read([...layers, config, manifest("a", "b")]);
    expect(two.configDigest).toBe(`sha256:${createHash("sha256").update(data).digest("hex")}`);
    expect(two.sizeBytes).toBe(730);
    expect(two.history).toEqual([
      { createdBy: "ADD rootfs", sizeBytes: 700, layer: 0 },
      { createdBy: "ENV A=b", sizeBytes: 0 },
      { createdBy: "RUN one", sizeBytes: 30, layer: 1 },
    ]);
    // A builder may leave out what made a layer, or claim more layers than there are.
    const three = await read([manifest("a", "b", "c"), ...layers, config]);
    expect(three.history.at(-1)).toEqual({ createdBy: "", sizeBytes: 1, layer: 2 });
    const one = await read([manifest("a"), ...layers, config]);
    expect(one.history.at(-1)).toEqual({ createdBy: "RUN one", sizeBytes: 0 });
  });

  it("writes a layer that occurs twice once, with a link", async () => {
    const link = { name: "b/layer.tar", type: "symlink", linkname: "../a/layer.tar" } as const;
    const parts = [{ name: "a/layer.tar", data: await tar(first) }, link];
    const hiding = { name: "c/layer.tar", data: await tar(second) };
    const saved = await read([...parts, hiding, list("a/layer.tar", "c/layer.tar", "b/layer.tar")]);
    expect([...saved.files.keys()]).toContain("/etc/secret");
  });

  it("is not taken for read when a layer is missing, unknown, or cut off", async () => {
    await expect(read([list("a.tar")])).rejects.toThrow("the image archive has no layer a.tar");
    const bzip2 = { name: "a.tar", data: Buffer.from("425a6839".repeat(200), "hex") };
    await expect(read([bzip2, list("a.tar")])).rejects.toThrow("neither a tar nor one compressed by gzip");
    await expect(read([])).rejects.toThrow("the image archive has no manifest.json");
    const cut = {
      name: "a.tar",
      data: (await tar([{ name: "f", data: "x".repeat(900) }])).subarray(0, 1000),
    };
    await expect(read([cut, list("a.tar")])).rejects.toThrow("Unexpected end of data");
  });

  it.each([
    ["a layer", (layer: Buffer) => layer],
    ["a compressed layer", gzipSync],
  ])("is not waited for when the engine goes away in the middle of %s", async (_what, written) => {
    const data = written(await tar([...first, { name: "large", data: randomBytes(4000) }]));
    const whole = await tar([{ name: "a.tar", data }]);
    const broken = Readable.from(
      (function* () {
        for (let at = 0; at < 3000; at += 1000) yield whole.subarray(at, at + 1000);
        throw new Error("connection lost");
      })(),
    );
    await expect(readFrom(broken, [])).rejects.toThrow("connection lost");
  });
});
