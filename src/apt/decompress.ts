import { join } from "node:path";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type * as XzPackage from "xz-decompress";
import { withTemporaryFolder } from "../support/files";
import type { Host } from "../support/host";

/** What a file name's end says about its compression. */
export type Compression = "none" | "gz" | "xz" | "zst";

/** More than any index or control archive has: what unpacks to more was made to fill memory. */
const LIMIT_BYTES = 512 * 1024 * 1024;

/** Unpacks a whole file. zstd needs the `zstd` program (Node 20 has none built in). Throws a plain Error that says why it cannot. */
export async function decompress(
  host: Host,
  data: Uint8Array,
  compression: Compression,
): Promise<Uint8Array> {
  if (compression === "none") return data;
  if (compression === "gz") return promisify(gunzip)(data, { maxOutputLength: LIMIT_BYTES });
  return compression === "xz" ? unxz(data) : unzstd(host, data);
}

async function unxz(data: Uint8Array): Promise<Uint8Array> {
  const { XzReadableStream } = await xzModule();
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(data);
      controller.close();
    },
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of new XzReadableStream(source) as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LIMIT_BYTES) throw new Error(`it unpacks to more than ${String(LIMIT_BYTES)} bytes`);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** The package is CommonJS made by a bundler: Node finds its exports under `default` only, other loaders by name. */
async function xzModule(): Promise<Pick<typeof XzPackage, "XzReadableStream">> {
  const loaded: typeof XzPackage & { readonly default?: typeof XzPackage } = await import("xz-decompress");
  return loaded.default ?? loaded;
}

async function unzstd(host: Host, data: Uint8Array): Promise<Uint8Array> {
  return withTemporaryFolder("mesa-template-zstd-", async (folder) => {
    const packed = join(folder, "packed.zst");
    const unpacked = join(folder, "unpacked");
    await writeFile(packed, data);
    const result = await host.run({
      command: "zstd",
      args: ["-d", "-q", `--memory=${String(128 * 1024 * 1024)}`, "-o", unpacked, packed],
      env: { PATH: host.env["PATH"] ?? "/usr/bin:/bin" },
      timeoutMs: 60_000,
      signal: host.signal,
    });
    if (result.spawnError !== undefined)
      throw new Error("it is packed with zstd, and there is no zstd program here (apt-get install zstd)");
    if (result.exitCode !== 0) throw new Error(`zstd cannot unpack it: ${result.stderr.trim()}`);
    return readFile(unpacked);
  });
}
