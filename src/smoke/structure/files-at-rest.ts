import { posix } from "node:path";
import { extract } from "tar-stream";
import type { Engine } from "../../docker/index";
import type { Host } from "../../support/host";
import { entryAt, entryOf, exportedEntries, type Entry } from "./exported-entries";

/** The files of a container that was never started: the image as it was built. */
export interface FilesAtRest {
  /** The entry itself, never what a symbolic link points at. */
  entry(path: string): Promise<Entry | undefined>;
  /** The bytes of a file, through symbolic links; "directory" for one, undefined when there is nothing. */
  read(path: string): Promise<Uint8Array | "directory" | undefined>;
}

/**
 * The user of a container whose files are read at rest, uid:gid. Nothing ever runs as it. An engine that says of the entries of an
 * archive that they belong to the container's user, not to their owner, gives itself away by it, at no cost of a question of its own.
 */
export const USER_OF_FILES_AT_REST = "48721:37219";

const LINKS_FOLLOWED = 40;

interface First {
  readonly entry: Entry;
  readonly data: Uint8Array;
}

/** The files of a container made with USER_OF_FILES_AT_REST. */
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
  let trusted = false;
  let root: Promise<First | undefined> | undefined;
  let exported: ReturnType<typeof exportedEntries> | undefined;
  return {
    async entry(path) {
      if (exported === undefined) {
        const found = (await first(path, false))?.entry;
        // What is not there may be a link that was followed to nowhere: only an entry tells what kind of archive this is.
        const witness = found ?? (trusted ? undefined : (await (root ??= first("/", false)))?.entry);
        trusted ||= witness !== undefined && !isOfContainersUser(witness);
        if (trusted) return found;
      }
      exported ??= exportedEntries(host, engine, container);
      return entryAt(await exported, path);
    },
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

function isOfContainersUser({ uid, gid }: Entry): boolean {
  return `${String(uid)}:${String(gid)}` === USER_OF_FILES_AT_REST;
}
