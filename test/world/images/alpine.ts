import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import type { WorldConfig } from "../config";
import { buildImage, hasImage, importImage, inputsHash, runScript } from "../engine";

/**
 * An Alpine-like image: a busybox userland without glibc, a stand-in apk, and the real database format. Programs linked
 * to glibc start only after `apk add gcompat`. WORLD_ALPINE puts a real one in its place.
 */
export async function ensureAlpineImage(
  docker: Docker,
  config: WorldConfig,
  toolchain: string,
  log: (line: string) => void,
): Promise<string> {
  if (config.swaps.alpine !== undefined) return config.swaps.alpine;
  const folder = join(config.source, "images/alpine-like");
  const names = (await readdir(folder)).sort();
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const { Id: base } = await docker.getImage(toolchain).inspect();
  const tag = `mesa-template-world/alpine:${inputsHash("alpine 2", base, ...sources)}`;
  if (await hasImage(docker, tag)) return tag;
  log("making the Alpine-like base image");
  await runScript(
    docker,
    {
      image: toolchain,
      script: "sh /world/make-root.sh",
      files: Object.fromEntries(names.map((name, index) => [`world/${name}`, sources[index] ?? ""])),
    },
    async (container) => {
      await importImage(docker, await container.getArchive({ path: "/alpine/." }), tag, [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        'CMD ["/bin/sh"]',
      ]);
    },
  );
  return tag;
}

/** A stock image as Blaxel has them: a distribution with the sandbox API and nothing of Mesa. */
export async function ensureStockImage(
  docker: Docker,
  distribution: string,
  sandboxImage: string,
): Promise<string> {
  const [{ Id: base }, { Id: api }] = await Promise.all([
    docker.getImage(distribution).inspect(),
    docker.getImage(sandboxImage).inspect(),
  ]);
  const tag = `mesa-template-world/base-image:${inputsHash("stock 1", base, api)}`;
  if (await hasImage(docker, tag)) return tag;
  await buildImage(
    docker,
    {
      Dockerfile: `FROM ${sandboxImage} AS api\nFROM ${distribution}\nCOPY --from=api /sandbox-api /usr/local/bin/sandbox-api\nRUN mkdir -p /blaxel\nWORKDIR /blaxel\nENV HOME=/blaxel\nEXPOSE 8080\nENTRYPOINT ["/usr/local/bin/sandbox-api"]\n`,
    },
    { tag },
  );
  return tag;
}
