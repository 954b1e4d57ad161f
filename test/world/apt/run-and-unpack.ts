import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import { WORLD_LABEL } from "../config";
import { tarOf, type ContextFiles } from "../engine";

/**
 * Runs a script in a throw-away container that is given some files, and unpacks the /out.tar it leaves into a folder of the
 * host, which is there whole or not at all. Nothing is bind-mounted, so that the engine may be on another machine.
 * @throws Error with the script's last lines when it fails
 */
export async function runAndUnpack(
  docker: Docker,
  image: string,
  script: string,
  files: ContextFiles,
  folder: string,
): Promise<void> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["sh", "-ec", script],
    Labels: { [WORLD_LABEL]: "tool" },
    Tty: true,
  });
  const part = `${folder}.part-${container.id.slice(0, 12)}`;
  try {
    if (Object.keys(files).length > 0)
      await container.putArchive(tarOf(files) as unknown as NodeJS.ReadableStream, { path: "/" });
    await container.start();
    const { StatusCode: code } = (await container.wait()) as { readonly StatusCode: number };
    if (code !== 0) {
      const said = (await container.logs({ stdout: true, stderr: true })).toString("utf8").slice(-4000);
      throw new Error(`A script in ${image} exited with ${String(code)}:\n${said}`);
    }
    await unpackInner(await container.getArchive({ path: "/out.tar" }), part);
    await rm(folder, { recursive: true, force: true });
    await rename(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
    await container.remove({ force: true });
  }
}

/** The engine hands a file out as a tar that holds it: here a tar within a tar. */
async function unpackInner(stream: NodeJS.ReadableStream, folder: string): Promise<void> {
  for await (const entry of stream.pipe(extract())) {
    for await (const file of entry.pipe(extract())) {
      const path = join(folder, file.header.name);
      if (file.header.type === "directory") {
        await mkdir(path, { recursive: true });
        file.resume();
        continue;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of file as AsyncIterable<Buffer>) chunks.push(chunk);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, Buffer.concat(chunks), { mode: 0o600 });
      if (file.header.mtime !== undefined) await utimes(path, file.header.mtime, file.header.mtime);
    }
  }
}
