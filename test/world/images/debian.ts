import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import type { WorldConfig } from "../config";
import { hasImage, importImage, inputsHash, pullImage } from "../engine";
import { debianSources, readAptConfiguration, type AptSource } from "./apt-sources";

const SUITE = "bookworm";
const OFFICIAL = "debian:bookworm-slim";

/** What the official slim image leaves out, and keeps nevertheless. */
const EXCLUDED = ["doc", "man", "groff", "info", "lintian", "linda", "locale"].map(
  (name) => `path-exclude /usr/share/${name}/*`,
);
const SLIM = [...EXCLUDED, "path-include /usr/share/doc/*/copyright"];

/** Files of the official image that Debian's packages do not bring (debuerreotype and docker's Debian scripts write them). */
function officialFiles(sources: readonly AptSource[]): Record<string, string> {
  const stanzas = sources.map(
    ({ uri, suite }) =>
      `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`,
  );
  return {
    "/etc/apt/sources.list.d/debian.sources": stanzas.join("\n"),
    "/etc/apt/apt.conf.d/docker-autoremove-suggests": 'Apt::AutoRemove::SuggestsImportant "false";\n',
    "/etc/apt/apt.conf.d/docker-clean":
      'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n' +
      'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };\n' +
      'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n',
    "/etc/apt/apt.conf.d/docker-gzip-indexes": 'Acquire::GzipIndexes "true";\n',
    "/etc/apt/apt.conf.d/docker-no-languages": 'Acquire::Languages "none";\n',
    "/etc/dpkg/dpkg.cfg.d/docker": `${SLIM.join("\n")}\n`,
    "/etc/dpkg/dpkg.cfg.d/docker-apt-speedup": "force-unsafe-io\n",
  };
}

/** The shell script that finishes the root file system ($1). */
function finishingTouches(sources: readonly AptSource[]): string {
  const writes = Object.entries(officialFiles(sources)).map(
    ([path, text]) => `cat > "$1${path}" <<'END'\n${text}END`,
  );
  return [
    "#!/bin/sh",
    "set -eu",
    ...writes,
    `rm -rf "$1"/etc/apt/sources.list "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/machine-id "$1"/etc/hostname "$1"/etc/resolv.conf`,
    `rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/ldconfig/*`,
    `find "$1/var/log" -type f -exec truncate -s 0 {} +`,
    `printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"`,
    "",
  ].join("\n");
}

/**
 * An image equal in what matters to debian:bookworm-slim, made from Debian's own packages by way of the mirror this host's
 * apt uses; on a host that cannot do so, the official one. WORLD_DEBIAN puts another local image in its place.
 * @returns its local reference
 */
export async function ensureDebianImage(
  docker: Docker,
  config: WorldConfig,
  log: (line: string) => void,
): Promise<string> {
  if (config.swaps.debian !== undefined) return config.swaps.debian;
  const sources = debianSources(readAptConfiguration(), SUITE);
  const mirror = sources.find((source) => source.suite === SUITE)?.uri;
  if (mirror === undefined)
    return official(docker, log, `this host's apt names no Debian mirror with ${SUITE}`);
  const script = finishingTouches(sources);
  const tag = `mesa-template-world/debian:${inputsHash("debian 5", mirror, script)}`;
  if (await hasImage(docker, tag)) return tag;
  if (!(await runs("mmdebstrap", ["--version"]))) return official(docker, log, "mmdebstrap is not installed");
  log("making the Debian base image from Debian's packages (about 30 s)");
  await mkdir(config.dir, { recursive: true });
  const tar = join(config.dir, `debian-${String(process.pid)}.tar`);
  const hook = `${tar}.finish.sh`;
  try {
    await writeFile(hook, script, { mode: 0o755 });
    await bootstrap(tar, hook, sources);
    await importImage(docker, tar, tag, [
      'CMD ["bash"]',
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
  } finally {
    await Promise.all([rm(tar, { force: true }), rm(hook, { force: true })]);
  }
  return tag;
}

async function official(docker: Docker, log: (line: string) => void, why: string): Promise<string> {
  if (await hasImage(docker, OFFICIAL)) return OFFICIAL;
  log(`pulling ${OFFICIAL}, because ${why}`);
  try {
    await pullImage(docker, OFFICIAL);
  } catch (error) {
    throw new Error(
      `There is no Debian base image: ${why}, and ${OFFICIAL} could not be pulled. Give a local image with WORLD_DEBIAN, or install mmdebstrap on a Debian host.`,
      { cause: error },
    );
  }
  return OFFICIAL;
}

function bootstrap(tar: string, hook: string, sources: readonly AptSource[]): Promise<void> {
  return run("mmdebstrap", [
    "--quiet",
    "--variant=minbase",
    // Else usrmerge comes, and with it 47 MB of Perl which the official image has not.
    "--include=usr-is-merged",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--dpkgopt=force-unsafe-io",
    ...SLIM.map((line) => `--dpkgopt=${line.replace(" ", "=")}`),
    `--customize-hook=${hook}`,
    SUITE,
    tar,
    ...sources.map(({ uri, suite }) => `deb ${uri} ${suite} main`),
  ]);
}

function runs(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  );
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} exited with ${String(code)}:\n${said}`));
    });
  });
}
