import { posix } from "node:path";
import type { Engine } from "../../docker/index";
import type { HeldFile, ImageContents } from "../../docker/saved-image/index";
import { warnThatStays, withCleanUp } from "../../support/processes/clean-up";
import type { Host } from "../../support/host";
import type { ImageAtRest } from "../check";

const LINKS_FOLLOWED = 40;
const ROOT: HeldFile = {
  path: "/",
  kind: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  content: "",
};

/**
 * An image for checks that need no start. Its layers are read once, on first use.
 * @param secrets values to search for in all layers
 * @param texts absolute paths of files whose text may be requested
 */
export async function imageAtRest(
  host: Host,
  engine: Engine,
  reference: string,
  secrets: readonly string[],
  texts: readonly string[] = [],
): Promise<ImageAtRest> {
  const image = await engine.image(reference);
  if (image === undefined) throw new Error(`the engine has no image ${reference}`);
  // One reading serves both files and secrets, because checks always need both.
  const contents = (): Promise<ImageContents> => engine.readImage({ id: image.id, reference }, secrets);
  let reading: Promise<ReadonlyMap<string, string>> | undefined;
  return {
    config: { ...image.config, labels: image.labels },
    contents,
    entry: async (path) => entryAt((await contents()).files, path, "itself"),
    async text(path) {
      reading ??= readTexts(host, engine, reference, (await contents()).files, texts);
      return (await reading).get(path);
    },
  };
}

/** The entry at a path. Follows links on the way; a final link is followed or returned itself. */
export function entryAt(
  files: ReadonlyMap<string, HeldFile>,
  path: string,
  atTheEnd: "itself" | "followed",
): HeldFile | undefined {
  const left = path.split("/");
  let [at, links] = [ROOT, 0];
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === "" || name === ".") continue;
    const next = posix.join(at.path, name);
    const entry = next === "/" ? ROOT : files.get(next);
    if (entry === undefined) return undefined;
    const isLast = left.every((part) => part === "" || part === ".");
    if (entry.kind === "symlink" && (!isLast || atTheEnd === "followed")) {
      links += 1;
      if (links > LINKS_FOLLOWED) return undefined;
      if (entry.content.startsWith("/")) at = ROOT;
      left.unshift(...entry.content.split("/"));
    } else at = entry;
  }
  return at;
}

/** Texts of files of a container that never starts, by requested path. */
async function readTexts(
  host: Host,
  engine: Engine,
  image: string,
  files: ReadonlyMap<string, HeldFile>,
  paths: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const request = { image, entrypoint: ["/none"], cmd: [] };
  const id = await engine.createContainer(request);
  const read = async (): Promise<ReadonlyMap<string, string>> => {
    const texts = new Map<string, string>();
    for (const path of new Set(paths)) {
      // Resolve links here: engines differ in how they follow them.
      const file = entryAt(files, path, "followed");
      if (file?.kind !== "file") continue;
      const entry = await engine.entry(id, file.path);
      if (entry !== undefined) texts.set(path, entry.bytes.toString("utf8"));
    }
    return texts;
  };
  const stays = warnThatStays(host, `the container ${id.slice(0, 12)}`);
  return withCleanUp(read, () => engine.removeContainer(id), stays);
}
