import { lstat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { Failure, hasErrno } from "../errors";
import { entriesIn } from "./files";

/**
 * Refuses a path with a symbolic link below the root: writing or removing through it would reach files outside the project. Missing parts
 * are fine, and so are links at or above the root.
 * @param root absolute
 * @param path absolute, below the root
 * @throws Failure LINK_REFUSED (exit 2), naming the link
 */
export async function refuseLinks(root: string, path: string): Promise<void> {
  let current = root;
  for (const part of relative(root, path).split(sep)) {
    current = join(current, part);
    try {
      if ((await lstat(current)).isSymbolicLink()) throw linkRefused(current);
    } catch (error) {
      if (hasErrno(error, "ENOENT", "ENOTDIR")) return;
      throw error;
    }
  }
}

/**
 * Like refuseLinks, for a folder and its contents down to `depth` levels.
 * @throws Failure LINK_REFUSED (exit 2)
 */
export async function refuseLinksIn(root: string, folder: string, depth: number): Promise<void> {
  await refuseLinks(root, folder);
  for (const entry of await entriesIn(folder)) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) throw linkRefused(path);
    if (entry.isDirectory() && depth > 1) await refuseLinksIn(root, path, depth - 1);
  }
}

function linkRefused(path: string): Failure {
  return new Failure({
    code: "LINK_REFUSED",
    kind: "usage",
    message: `${path} is a symbolic link. This program writes and removes nothing through a link below the project's root.`,
    hint: "Replace the link with a real folder or file, then run again.",
  });
}
