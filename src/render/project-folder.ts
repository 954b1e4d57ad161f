import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrno } from "../support/errors";
import { readIfPresent, writeAtomically } from "../support/files";
import { foldersOf, type RenderedTemplate } from "./rendered";
import { paths } from "../support/paths";

/** <root>/dockerfiles/<template>/<version> */
export function projectFolder(root: string, template: string, mesaVersion: string): string {
  return paths(root).project(template, mesaVersion);
}

/** Kept beside the rendered files: what was measured when each revision was built. */
const RECORDS = "records";

/** Writes a rendered template to its folder, each file in one step; files that are the same already are not touched, strays are removed. */
export async function writeRendered(root: string, rendered: RenderedTemplate): Promise<void> {
  const folder = projectFolder(root, rendered.template, rendered.mesaVersion);
  // First, because a link in a folder's place would lead what is written elsewhere.
  for (const stray of await strays(folder, rendered))
    await rm(join(folder, stray), { recursive: true, force: true });
  for (const file of rendered.files) {
    const path = join(folder, file.name);
    const before = await readIfPresent(path);
    const mode = before === undefined ? undefined : (await stat(path)).mode & 0o777;
    if (before?.equals(file.contents) !== true || mode !== file.mode)
      await writeAtomically(path, file.contents, file.mode);
  }
}

/** What lies in the folder and is no file or folder of ours, by the shortest path that names it. */
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

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** What differs between the folder and what would be rendered: names with the kind of difference. */
export async function differences(root: string, rendered: RenderedTemplate): Promise<readonly string[]> {
  const folder = projectFolder(root, rendered.template, rendered.mesaVersion);
  const found: string[] = [];
  for (const file of rendered.files) {
    const data = await readIfPresent(join(folder, file.name));
    if (data === undefined) found.push(`${file.name} is missing`);
    else if (!data.equals(file.contents)) found.push(`${file.name} differs`);
    else if (((await stat(join(folder, file.name))).mode & 0o777) !== file.mode)
      found.push(`${file.name} has another mode`);
  }
  return [...found, ...(await strays(folder, rendered)).map((name) => `${name} does not belong there`)];
}
