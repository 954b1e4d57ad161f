import { posix } from "node:path";
import { extract, type Header } from "tar-stream";
import type { Engine } from "../../docker/index";
import type { Host } from "../../support/host";
import type { goMode } from "./go-mode";

/** An entry of an image's file system. */
export interface Entry {
  readonly kind: Parameters<typeof goMode>[0];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkname: string | null | undefined;
}

/** The files of a container that was never started: the image as it was built. */
export interface FilesAtRest {
  /** The entry itself, never what a symbolic link points at. */
  entry(path: string): Promise<Entry | undefined>;
  /** The bytes of a file, through symbolic links; "directory" for one, undefined when there is nothing. */
  read(path: string): Promise<Uint8Array | "directory" | undefined>;
}

const KINDS: Readonly<Record<string, Entry["kind"]>> = {
  directory: "directory",
  symlink: "symlink",
  "character-device": "character",
  "block-device": "block",
  fifo: "pipe",
};

const LINKS_FOLLOWED = 40;

interface First {
  readonly entry: Entry;
  readonly data: Uint8Array;
}

export function filesAtRest(host: Host, engine: Engine, container: string): FilesAtRest {
  const first = async (path: string, withData: boolean): Promise<First | undefined> => {
    const stream = await engine.archive(container, path, host.signal);
    if (stream === undefined) return undefined;
    try {
      for await (const item of stream.pipe(extract())) {
        const chunks: Buffer[] = [];
        if (withData && item.header.type === "file")
          for await (const chunk of item as AsyncIterable<Buffer>) chunks.push(chunk);
        return { entry: entryOf(item.header), data: Buffer.concat(chunks) };
      }
      return undefined;
    } finally {
      // A directory comes with everything below it; only its own entry was wanted.
      stream.destroy();
    }
  };
  return {
    entry: async (path) => (await first(path, false))?.entry,
    async read(path) {
      let at = path;
      for (let links = 0; links <= LINKS_FOLLOWED; links += 1) {
        const found = await first(at, true);
        if (found === undefined) return undefined;
        if (found.entry.kind === "directory") return "directory";
        if (found.entry.kind !== "symlink") return found.data;
        at = posix.resolve(posix.dirname(posix.resolve("/", at)), found.entry.linkname ?? "");
      }
      return undefined;
    },
  };
}

function entryOf({ type, mode, uid, gid, linkname }: Header): Entry {
  return { kind: KINDS[type] ?? "file", mode: mode & 0o7777, uid, gid, linkname };
}
