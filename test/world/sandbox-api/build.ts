import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar-stream";
import type Docker from "dockerode";
import { WORLD_LABEL, worldPath, type WorldConfig } from "../config";
import { buildImage, inputsHash } from "../engine";

/**
 * The sandbox-api of the world as a static binary: compiled in the toolchain image, kept under the hash of its sources.
 * WORLD_SANDBOX_API puts a real one in its place.
 * @returns its path on the host
 */
export async function buildSandboxApi(
  docker: Docker,
  toolchain: string,
  config: WorldConfig,
  log: (line: string) => void,
): Promise<string> {
  if (config.swaps.sandboxApi !== undefined) return config.swaps.sandboxApi;
  const folder = join(config.source, "sandbox-api");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".go") || name === "go.mod").sort();
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const path = worldPath(config, "bin", `sandbox-api-${inputsHash(...sources)}`);
  if (await exists(path)) return path;
  log("compiling the stand-in sandbox-api");
  const files: Record<string, string | Buffer> = {
    Dockerfile: `FROM ${toolchain}\nCOPY . /src/\nRUN cd /src && CGO_ENABLED=0 GOFLAGS=-mod=mod GOCACHE=/tmp/go go build -trimpath -ldflags '-s -w' -o /sandbox-api . && rm -rf /tmp/go\n`,
  };
  for (const [index, name] of names.entries()) files[name] = sources[index] ?? "";
  const tag = `mesa-template-world/sandbox-api-build:${inputsHash(...sources)}`;
  await buildImage(docker, files, { tag });
  await copyOut(docker, tag, "/sandbox-api", path);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Copies one file out of an image, by way of a container that is never started. */
async function copyOut(docker: Docker, image: string, from: string, to: string): Promise<void> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["true"],
    Labels: { [WORLD_LABEL]: "tool" },
  });
  try {
    const stream = await container.getArchive({ path: from });
    const tar = stream.pipe(extract());
    for await (const entry of tar) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      await mkdir(join(to, ".."), { recursive: true });
      await writeFile(`${to}.part`, Buffer.concat(chunks));
      await chmod(`${to}.part`, 0o755);
      await rename(`${to}.part`, to);
    }
  } finally {
    await container.remove({ force: true });
  }
}
