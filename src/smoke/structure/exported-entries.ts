import { posix } from "node:path";
import type { Header } from "tar-stream";
import { readTarEntries, type Engine, type PathStat } from "../../docker/index";
import type { Host } from "../../support/host";

/** An entry of an image's file system. */
export interface Entry extends PathStat {
  readonly uid: number;
  readonly gid: number;
  readonly linkname: string | null | undefined;
}

/** All entries of a file system by absolute path. */
export type Entries = ReadonlyMap<string, Entry>;

const KINDS: Readonly<Record<string, Entry["kind"]>> = {
  directory: "directory",
  symlink: "symlink",
  "character-device": "character",
  "block-device": "block",
  fifo: "pipe",
};

const LINKS_FOLLOWED = 40;

export function entryOf({ type, mode, uid, gid, linkname }: Header): Entry {
  return { kind: KINDS[type] ?? "file", mode: mode & 0o7777, uid, gid, linkname };
}

/** Reads what a container holds in one pass over its bytes. Throws what the engine throws. */
export async function exportedEntries(host: Host, engine: Engine, container: string): Promise<Entries> {
  const stream = await engine.fileSystem(container, host.signal);
  return readTarEntries("The container's files could not be read", stream, host.signal, async (items) => {
    // An export leaves the root out, which an engine makes itself.
    const entries = new Map<string, Entry>([
      ["/", { kind: "directory", mode: 0o755, uid: 0, gid: 0, linkname: undefined }],
    ]);
    for await (const item of items) {
      entries.set(posix.resolve("/", item.header.name), entryOf(item.header));
      item.resume();
    }
    return entries;
  });
}

/**
 * The entry at a path as an engine finds it: links on the way are followed, one at its end is not, unless the path ends with a
 * slash. Undefined: there is none.
 */
export function entryAt(entries: Entries, path: string): Entry | undefined {
  const asFolder = /\/\.?$/u.test(path);
  const left = path.split("/");
  let [at, links] = ["/", 0];
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === "" || name === ".") continue;
    const next = posix.join(at, name);
    const entry = entries.get(next);
    if (entry?.kind === "symlink" && (asFolder || left.some((part) => part !== "" && part !== "."))) {
      links += 1;
      if (links > LINKS_FOLLOWED) return undefined;
      const target = entry.linkname ?? "";
      if (target.startsWith("/")) at = "/";
      left.unshift(...target.split("/"));
      continue;
    }
    if (entry === undefined) return undefined;
    at = next;
  }
  const found = entries.get(at);
  return asFolder && found?.kind !== "directory" ? undefined : found;
}
