import { pack } from "tar-stream";
import { foldersOf, type RenderedFile } from "../render/rendered";

/** The build context as a reproducible tar: sorted, without times and owners. */
export function contextTar(files: readonly RenderedFile[]): NodeJS.ReadableStream {
  const tar = pack();
  const always = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const name of new Set(files.flatMap((file) => foldersOf(file.name)).sort()))
    tar.entry({ name: `${name}/`, type: "directory", mode: 0o755, ...always });
  for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    tar.entry({ name: file.name, mode: file.mode, ...always }, file.contents);
  }
  tar.finalize();
  return tar as unknown as NodeJS.ReadableStream;
}
