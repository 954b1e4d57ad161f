import { pack } from "tar-stream";

export interface Given {
  readonly name: string;
  readonly data?: string | Buffer;
  readonly mode?: number;
  readonly type?: "file" | "directory" | "symlink" | "link" | "fifo";
  readonly linkname?: string;
  /** Records of its extension. */
  readonly pax?: Readonly<Record<string, string>>;
}

/** A tar of these entries, made by tar-stream. */
export async function tar(entries: readonly Given[]): Promise<Buffer> {
  const archive = pack();
  for (const { data = "", mode = 0o644, type = "file", ...rest } of entries)
    archive.entry({ ...rest, mode, type }, data);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
