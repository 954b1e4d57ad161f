import { createHash } from "node:crypto";
import { posix } from "node:path";
import { pipeline, Readable, type Writable } from "node:stream";
import { extract, type Header } from "tar-stream";
import type { TarEntry } from "../tar-entries";

/** Files whose text is kept: the databases of installed packages and the distribution's name. */
export const DPKG_STATUS = "/var/lib/dpkg/status";
export const APK_INSTALLED = "/lib/apk/db/installed";
export const OS_RELEASE = ["/etc/os-release", "/usr/lib/os-release"] as const;
const KEPT: readonly string[] = [DPKG_STATUS, APK_INSTALLED, ...OS_RELEASE];

/** One path of an image's file system. */
export interface HeldFile {
  /** Absolute. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** First 16 hex digits of a file's sha256; a symbolic link's target; otherwise "". */
  readonly content: string;
  /** Of the databases of packages and the distribution's name. */
  readonly text?: string | undefined;
}

/** One entry of a layer: a path that it adds or replaces, or a whiteout that hides one of a lower layer. */
export interface LayerEntry {
  /** Absolute. */
  readonly path: string;
  readonly held: Omit<HeldFile, "path">;
  /** For a hard link: the path under which its bytes are stored. */
  readonly firstName?: string;
  /** Whether its bytes contain one of the searched values. */
  readonly holds: boolean;
}

const KINDS: Partial<Record<Header["type"], HeldFile["kind"]>> = {
  file: "file",
  "contiguous-file": "file",
  link: "file",
  directory: "directory",
  symlink: "symlink",
};

/** For tars from before POSIX, which have no magic bytes; the types do not know the option. */
const ANY_FORMAT: object = { allowUnknownFormat: true };

/**
 * Reads the tar of a layer: its paths, the files' hashes, and whether they contain one of these values. @throws Error if the tar is
 * incomplete
 */
export async function readLayer(
  bytes: AsyncIterable<Buffer>,
  values: readonly Buffer[],
): Promise<readonly LayerEntry[]> {
  const tar = extract(ANY_FORMAT);
  // Errors of the source surface at the target, where they are read; pipe alone would leave the reader waiting.
  pipeline(Readable.from(bytes), tar as unknown as Writable, () => undefined);
  const entries: LayerEntry[] = [];
  for await (const entry of tar) entries.push(await readEntry(entry, values));
  return entries;
}

async function readEntry(entry: TarEntry, values: readonly Buffer[]): Promise<LayerEntry> {
  const { header } = entry;
  const { type, linkname } = header;
  const path = posix.resolve("/", header.name);
  const kind = KINDS[type] ?? "other";
  // Ids that do not fit into a header are in the extension before it.
  const { uid, gid } = { ...header, ...(header.pax as { uid?: string; gid?: string } | null) };
  const search = searcher(values);
  const digest = createHash("sha256");
  const kept: Buffer[] = [];
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    search.take(chunk);
    digest.update(chunk);
    if (KEPT.includes(path)) kept.push(chunk);
  }
  const isFile = kind === "file" && type !== "link";
  return {
    path,
    held: {
      kind,
      mode: header.mode & 0o7777,
      uid: Number(uid),
      gid: Number(gid),
      sizeBytes: isFile ? header.size : 0,
      content: isFile ? digest.digest("hex").slice(0, 16) : kind === "symlink" ? linkname : "",
      ...(kept.length === 0 ? {} : { text: Buffer.concat(kept).toString("utf8") }),
    },
    ...(type === "link" ? { firstName: posix.resolve("/", linkname) } : {}),
    holds: search.found(),
  };
}

/** Searches a stream of chunks for values, across chunk borders too. */
export function searcher(values: readonly Buffer[]): { take(chunk: Buffer): void; found(): boolean } {
  const longest = Math.max(0, ...values.map((value) => value.length));
  let tail: Buffer = Buffer.alloc(0);
  let found = false;
  const holds = (bytes: Buffer): boolean => values.some((value) => bytes.includes(value));
  return {
    take(chunk) {
      if (found || longest === 0) return;
      // The border first: it is short, so nothing long is copied.
      const border = tail.length === 0 ? tail : Buffer.concat([tail, chunk.subarray(0, longest - 1)]);
      found = holds(border) || holds(chunk);
      const last = chunk.length >= longest ? chunk : Buffer.concat([tail, chunk]);
      tail = last.subarray(Math.max(0, last.length - longest + 1));
    },
    found: () => found,
  };
}
