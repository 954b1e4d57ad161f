import { posix } from "node:path";
import { readTarEntries, type Engine, type PathStat } from "../../docker/index";
import type { Host } from "../../support/host";
import { entryAt, entryOf, exportedEntries, type Entry } from "./exported-entries";

/** What was asked for of an entry. */
export interface LookedAt extends PathStat {
  readonly uid?: number;
  readonly gid?: number;
}

/** The files of a container that was never started: the image as it was built. */
export interface FilesAtRest {
  /** The entry itself, never what a symbolic link points at; whose it is only when that is asked for. */
  entry(path: string, owner: "with owner" | "without owner"): Promise<LookedAt | undefined>;
  /**
   * The bytes of a file, through symbolic links; "directory" for one, undefined when there is nothing that can be read. The target
   * of a relative link is looked for from the root, as container-structure-test does (its ReadFile, docker_driver.go).
   */
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
    const couldNot = `${path} could not be read from the container`;
    return readTarEntries(couldNot, stream, host.signal, async (items) => {
      // A directory comes with everything below it; only its own entry is wanted.
      for await (const item of items) {
        const chunks: Buffer[] = [];
        if (withData && item.header.type === "file")
          for await (const chunk of item as AsyncIterable<Buffer>) chunks.push(chunk);
        return { entry: entryOf(item.header), data: Buffer.concat(chunks) };
      }
      return undefined;
    });
  };
  // Asked once, and not before a path is asked for.
  let kept: Promise<"true" | "exported"> | undefined;
  const archives = (): Promise<"true" | "exported"> =>
    (kept ??= first("/", false).then((root) =>
      root !== undefined && !isOfContainersUser(root.entry) ? "true" : "exported",
    ));
  let exporting: ReturnType<typeof exportedEntries> | undefined;
  const exported = async (path: string): Promise<Entry | undefined> =>
    entryAt(await (exporting ??= exportedEntries(host, engine, container)), path);
  return {
    async entry(path, owner) {
      if ((await archives()) === "exported") {
        const entry = await exported(path);
        if (entry !== undefined) return entry;
        // What is mounted is not exported, and whose it is cannot be told.
        const mounted = (await first(path, false))?.entry;
        return mounted === undefined ? undefined : { kind: mounted.kind, mode: mounted.mode };
      }
      const stat = owner === "without owner" ? await engine.pathStat(container, path, host.signal) : "untold";
      return stat === "untold" ? (await first(path, false))?.entry : stat;
    },
    async read(path) {
      let at = path;
      for (let links = 0; links <= LINKS_FOLLOWED; links += 1) {
        const found = await first(at, true);
        if (found !== undefined && !isOfContainersUser(found.entry)) kept ??= Promise.resolve("true");
        // An engine that has to be asked for an export has followed a link already, and not from the root.
        const own = (await archives()) === "exported" ? await exported(at) : undefined;
        const entry = own ?? found?.entry;
        if (entry?.kind === "directory") return "directory";
        if (entry?.kind !== "symlink") return entry?.kind === "file" ? found?.data : undefined;
        at = posix.resolve("/", entry.linkname ?? "");
      }
      return undefined;
    },
  };
}

function isOfContainersUser({ uid, gid }: Entry): boolean {
  return `${String(uid)}:${String(gid)}` === USER_OF_FILES_AT_REST;
}
