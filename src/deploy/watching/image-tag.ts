import type { ImageTag } from "../../blaxel/platform";

/** The tag of sandbox/NAME:TAG; undefined for no tag, for latest, and for another name. */
export function immutableTag(image: string, name: string): string | undefined {
  const match = /^sandbox\/([^:/]+):([^:/]+)$/u.exec(image);
  const [, repository, tag] = match ?? [];
  return repository === name && tag !== undefined && tag !== "latest" ? tag : undefined;
}

/** The new immutable tags, newest first. `latest` never counts, because it moves. */
export function freshTags(before: readonly ImageTag[], after: readonly ImageTag[]): readonly string[] {
  const old = new Set(before.map((tag) => tag.name));
  return after
    .filter((tag) => tag.name !== "latest" && !old.has(tag.name))
    .sort((a, b) =>
      a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.name < b.name ? -1 : 1,
    )
    .map((tag) => tag.name);
}

export interface ImageFacts {
  readonly name: string;
  /** The sandbox's image before the deploy; undefined: there was no sandbox. */
  readonly imageBefore: string | undefined;
  /** The sandbox's image now. */
  readonly imageNow: string;
  /** Tags that did not exist before. */
  readonly fresh: readonly string[];
}

export type MadeImage =
  { readonly is: "made"; readonly tag: string } | { readonly is: "unclear" } | { readonly is: "unchanged" };

/**
 * The immutable tag that a deploy runs now. If the sandbox names a tag other than the previous one, that is it. If it names no tag (or
 * latest), it is the only new tag. Several new tags, none yet, or a new tag while the sandbox still names the old one are unclear.
 */
export function madeImage({ name, imageBefore, imageNow, fresh }: ImageFacts): MadeImage {
  const running = immutableTag(imageNow, name);
  if (running !== undefined && imageNow !== imageBefore) return { is: "made", tag: running };
  // Another registry image than the one that was sent.
  if (imageNow.includes("@"))
    return imageNow === imageBefore && fresh.length === 0 ? { is: "unchanged" } : { is: "unclear" };
  const [only, ...others] = fresh;
  if (running === undefined)
    return only !== undefined && others.length === 0 ? { is: "made", tag: only } : { is: "unclear" };
  return only === undefined ? { is: "unchanged" } : { is: "unclear" };
}
