import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import type { WorldConfig } from "../config";
import { buildImage, hasImage, inputsHash } from "../engine";

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
  const [apk, make] = await Promise.all([
    readFile(join(folder, "apk")),
    readFile(join(folder, "make-root.sh")),
  ]);
  const { Id: base } = await docker.getImage(toolchain).inspect();
  const tag = `mesa-template-world/alpine:${inputsHash("alpine 1", base, apk, make)}`;
  if (await hasImage(docker, tag)) return tag;
  log("making the Alpine-like base image");
  await buildImage(
    docker,
    {
      Dockerfile: `FROM ${toolchain} AS make\nCOPY apk make-root.sh /world/\nRUN sh /world/make-root.sh\nFROM scratch\nCOPY --from=make /alpine/ /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD ["/bin/sh"]\n`,
      apk: { data: apk, mode: 0o755 },
      "make-root.sh": make,
    },
    { tag },
  );
  return tag;
}

/** The guide's stock image: Alpine with the sandbox API and nothing of Mesa. */
export async function ensureStockImage(
  docker: Docker,
  alpine: string,
  sandboxImage: string,
): Promise<string> {
  const [{ Id: base }, { Id: api }] = await Promise.all([
    docker.getImage(alpine).inspect(),
    docker.getImage(sandboxImage).inspect(),
  ]);
  const tag = `mesa-template-world/base-image:${inputsHash("stock 1", base, api)}`;
  if (await hasImage(docker, tag)) return tag;
  await buildImage(
    docker,
    {
      Dockerfile: `FROM ${sandboxImage} AS api\nFROM ${alpine}\nCOPY --from=api /sandbox-api /usr/local/bin/sandbox-api\nRUN mkdir -p /blaxel\nWORKDIR /blaxel\nENV HOME=/blaxel\nEXPOSE 8080\nENTRYPOINT ["/usr/local/bin/sandbox-api"]\n`,
    },
    { tag },
  );
  return tag;
}
