import { spawn } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { buildImage, hasImage, importImage, inputsHash } from "../engine";
import type { WorldConfig } from "../config";
import { debianSources, readAptConfiguration } from "./apt-sources";

const SUITE = "bookworm";
const SLIM = ["doc", "man", "groff", "info", "lintian", "linda", "locale"].map(
  (name) => `/usr/share/${name}/*`,
);

/**
 * An image equal in what matters to debian:bookworm-slim, made from Debian's own packages by way of the mirror this host's
 * apt uses. WORLD_DEBIAN puts another image in its place.
 * @returns its local reference
 */
export async function ensureDebianImage(
  docker: Docker,
  config: WorldConfig,
  log: (line: string) => void,
): Promise<string> {
  if (config.swaps.debian !== undefined) return config.swaps.debian;
  const found = debianSources(readAptConfiguration(), SUITE);
  const mirror = found.find((source) => source.suite === SUITE)?.uri;
  if (mirror === undefined)
    throw new Error(
      `This host's apt names no Debian mirror with ${SUITE}; give a local image with WORLD_DEBIAN.`,
    );
  const sources = found.map((source) => `deb ${source.uri} ${source.suite} main`);
  const tag = `mesa-template-world/debian:${inputsHash("debian 3", ...sources)}`;
  if (await hasImage(docker, tag)) return tag;
  log("making the Debian base image from Debian's packages (about 25 s)");
  await mkdir(config.dir, { recursive: true });
  const tar = join(config.dir, `debian-${String(process.pid)}.tar`);
  try {
    await mmdebstrap([
      "--variant=minbase",
      ...SLIM.map((path) => `--dpkgopt=path-exclude=${path}`),
      "--dpkgopt=path-include=/usr/share/doc/*/copyright",
      SUITE,
      tar,
      ...sources,
    ]);
    await importImage(docker, tar, `${tag}-root`, []);
  } finally {
    await rm(tar, { force: true });
  }
  const excludes = SLIM.map((path) => `path-exclude ${path}`).join("\\n");
  await buildImage(
    docker,
    {
      Dockerfile: [
        `FROM ${tag}-root`,
        `RUN printf '${excludes}\\npath-include /usr/share/doc/*/copyright\\n' > /etc/dpkg/dpkg.cfg.d/docker && printf 'Apt::AutoRemove::SuggestsImportant "false";\\n' > /etc/apt/apt.conf.d/docker-autoremove-suggests && printf 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\\nDir::Cache::pkgcache "";\\nDir::Cache::srcpkgcache "";\\n' > /etc/apt/apt.conf.d/docker-clean && printf 'Acquire::Languages "none";\\n' > /etc/apt/apt.conf.d/docker-no-languages && rm -rf /var/lib/apt/lists/* /var/cache/apt/*`,
        `ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        `CMD ["bash"]`,
      ].join("\n"),
    },
    { tag },
  );
  return tag;
}

async function mmdebstrap(args: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn("mmdebstrap", ["--quiet", ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4000);
    });
    child.on("error", (error) => {
      reject(
        new Error(
          `mmdebstrap could not be started (${error.message}): apt-get install mmdebstrap, or give a local image with WORLD_DEBIAN.`,
        ),
      );
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`mmdebstrap exited with ${String(code)}:\n${said}`));
    });
  });
}
