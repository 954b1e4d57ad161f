import { pack } from "tar-stream";
import type { RenderedFile } from "../render/rendered";

/** The build context as a tar that is the same bytes for the same files: sorted, no times, no owners. */
export function contextTar(files: readonly RenderedFile[]): NodeJS.ReadableStream {
  const tar = pack();
  for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    tar.entry({ name: file.name, mode: file.mode, mtime: new Date(0), uid: 0, gid: 0 }, file.contents);
  }
  tar.finalize();
  return tar as unknown as NodeJS.ReadableStream;
}
