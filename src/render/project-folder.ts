import { lstat, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../support/errors";
import * as z from "zod/mini";
import { namesIn, readIfPresent, writeAtomically } from "../support/files/files";
import { refuseLinks } from "../support/files/links";
import { paths } from "../support/files/paths";
import { parsedJson } from "../support/text/parsed-json";
import { foldersOf, type RenderedTemplate } from "./rendered";

/** Folder beside the rendered files: what was measured when each revision was built. */
const RECORDS = "records";

/**
 * Writes a rendered template to its folder, each file atomically. Unchanged files are not touched. Files of an earlier rendering that this
 * one lacks are removed; other files stay.
 * @throws Failure LINK_REFUSED (exit 2) if a part of a path is a symbolic link
 */
export async function writeRendered(root: string, rendered: RenderedTemplate): Promise<void> {
  const folder = paths(root).project(rendered.template, rendered.mesaVersion);
  const list = paths(root).renderedNames(rendered.template, rendered.mesaVersion);
  const names = rendered.files.map(({ name }) => name);
  const earlier = await namesWritten(list);
  for (const name of [...names, ...earlier]) await refuseLinks(root, join(folder, name));
  await refuseLinks(root, list);
  // Written before the files: if the run is killed in between, the list still names every file that may be its own.
  const known = [...new Set([...earlier, ...names])].sort();
  if (known.length !== earlier.length) await writeAtomically(list, JSON.stringify(known));
  await removeFormer(
    folder,
    earlier.filter((name) => !names.includes(name)),
  );
  for (const file of rendered.files) {
    const path = join(folder, file.name);
    const before = await readIfPresent(path);
    const mode = before === undefined ? undefined : (await stat(path)).mode & 0o777;
    if (before?.equals(file.contents) !== true || mode !== file.mode)
      await writeAtomically(path, file.contents, file.mode);
  }
  if (known.length !== names.length) await writeAtomically(list, JSON.stringify([...names].sort()));
}

/** The files that an earlier rendering wrote; none without a list, for example in a fresh clone. */
async function namesWritten(list: string): Promise<readonly string[]> {
  // Only this program writes the list. An unreadable one allows no removal.
  const names = z.array(z.string()).safeParse(parsedJson(await readIfPresent(list))).data ?? [];
  return names.filter((name) => !name.split("/").some((part) => ["", ".", ".."].includes(part)));
}

/** Removes files, and folders that become empty. */
async function removeFormer(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true });
  const folders = new Set(names.flatMap(foldersOf));
  for (const below of [...folders].sort((a, b) => b.length - a.length))
    if ((await namesIn(join(folder, below))).length === 0)
      await rmdir(join(folder, below)).catch((error: unknown) => {
        if (!hasErrno(error, "ENOENT")) throw error;
      });
}

/** Files and folders that this program did not write, by their shortest path. */
async function strays(folder: string, rendered: RenderedTemplate): Promise<readonly string[]> {
  const files = new Set(rendered.files.map((file) => file.name));
  const folders = new Set(rendered.files.flatMap(({ name }) => foldersOf(name)));
  const found: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const name of await namesIn(join(folder, below))) {
      const path = below === "" ? name : `${below}/${name}`;
      if (path === RECORDS) continue;
      const status = await lstat(join(folder, path));
      if (folders.has(path) && status.isDirectory()) await walk(path);
      else if (!files.has(path) || !status.isFile()) found.push(path);
    }
  };
  await walk("");
  return found;
}

/** Differences between the folder and a new rendering: names and kind of difference. */
export async function differences(root: string, rendered: RenderedTemplate): Promise<readonly string[]> {
  const folder = paths(root).project(rendered.template, rendered.mesaVersion);
  const compared = rendered.files.map(async (file) => {
    const path = join(folder, file.name);
    const data = await readIfPresent(path);
    if (data === undefined) return `${file.name} is missing`;
    if (!data.equals(file.contents)) return `${file.name} differs`;
    return ((await stat(path)).mode & 0o777) === file.mode ? undefined : `${file.name} has a different mode`;
  });
  const [found, others] = await Promise.all([Promise.all(compared), strays(folder, rendered)]);
  return [
    ...found.filter((one) => one !== undefined),
    ...others.map((name) => `${name} is not a rendered file`),
  ];
}
