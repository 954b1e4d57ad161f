import type Docker from "dockerode";
import { buildImage, hasImage, inputsHash } from "../engine";

/** What is compiled with, packed and signed with, served with, and what goes into the Alpine-like image. */
const PACKAGES = [
  "gcc libc6-dev libfuse3-dev pkgconf golang-go",
  "apt-utils gpg gpg-agent gpgv xz-utils",
  "docker-registry curl",
  "busybox-static ca-certificates fuse3 openssl patchelf",
].join(" ");

/**
 * What compiles and serves the world's stand-ins: gcc and libfuse3 for mesa, Go for sandbox-api, apt-ftparchive and gpg
 * for the package repository, and the real docker-registry. The host itself needs none of them.
 * @param debian reference of the Debian base image
 * @returns its local reference
 */
export async function ensureToolchain(
  docker: Docker,
  debian: string,
  log: (line: string) => void,
): Promise<string> {
  const { Id: base } = await docker.getImage(debian).inspect();
  const tag = `mesa-template-world/toolchain:${inputsHash("toolchain 4", base, PACKAGES)}`;
  if (await hasImage(docker, tag)) return tag;
  log("installing the world's compilers and servers into an image (about 40 s)");
  await buildImage(
    docker,
    {
      Dockerfile: `FROM ${debian}\nRUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${PACKAGES} >/dev/null && rm -rf /var/lib/apt/lists/*\n`,
    },
    { tag },
  );
  return tag;
}
