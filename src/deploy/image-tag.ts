import type { ImageTag } from "../blaxel/platform";

/** The tag of sandbox/NAME:TAG; undefined for none, for latest, and for another name. */
export function immutableTag(image: string, name: string): string | undefined {
  const match = /^sandbox\/([^:/]+):([^:/]+)$/u.exec(image);
  const [, repository, tag] = match ?? [];
  return repository === name && tag !== undefined && tag !== "latest" ? tag : undefined;
}

/**
 * The immutable tag that a deploy made: the one the running sandbox names when it is new, else the newest of those that
 * were not there before. `latest` never counts, it moves.
 * @returns undefined when no tag is new.
 */
export function newTag(
  name: string,
  runningImage: string,
  before: readonly ImageTag[],
  after: readonly ImageTag[],
): string | undefined {
  const old = new Set(before.map((tag) => tag.name));
  const running = immutableTag(runningImage, name);
  if (running !== undefined && !old.has(running)) return running;
  const fresh = after.filter((tag) => tag.name !== "latest" && !old.has(tag.name));
  return fresh.sort((a, b) =>
    a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.name < b.name ? -1 : 1,
  )[0]?.name;
}
