import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import { WORLD_LABEL } from "../config";

/** Unpacks a tar that lies in an image into a folder of the host. */
export async function unpackFrom(
  docker: Docker,
  image: string,
  tarPath: string,
  folder: string,
): Promise<void> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["true"],
    Labels: { [WORLD_LABEL]: "tool" },
  });
  try {
    const outer = (await container.getArchive({ path: tarPath })).pipe(extract());
    for await (const entry of outer) {
      const inner = entry.pipe(extract());
      for await (const file of inner) {
        const path = join(folder, file.header.name);
        if (file.header.type === "directory") {
          await mkdir(path, { recursive: true });
          file.resume();
          continue;
        }
        const chunks: Buffer[] = [];
        for await (const chunk of file as AsyncIterable<Buffer>) chunks.push(chunk);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, Buffer.concat(chunks));
      }
    }
  } finally {
    await container.remove({ force: true });
  }
}
