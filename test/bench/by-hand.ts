import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

export interface Mirrors {
  readonly images: string;
  readonly packages: string;
}

/** A docker that builds with BuildKit from the command line, as most people have it: with buildx, or one older than 23 that has it built in. */
export function dockerWithBuildKit(): { readonly docker: string; readonly buildKit: boolean } {
  const found = spawnSync("which", ["-a", "docker"], { encoding: "utf8" }).stdout.split("\n");
  for (const docker of found.filter((path) => path !== "")) {
    const major = Number(
      /version (\d+)/u.exec(execFileSync(docker, ["--version"], { encoding: "utf8" }))?.[1],
    );
    if (major < 23 || spawnSync(docker, ["buildx", "version"]).status === 0)
      return { docker, buildKit: true };
  }
  return { docker: "docker", buildKit: false };
}

/** The names of folders in a folder. */
function foldersIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/**
 * What a shell script does for every rendered template below a root, one after the other: build, start, 20 executions, away with it.
 * @param cache an option of docker build, e.g. --no-cache
 */
export function releaseByHand(root: string, { images, packages }: Mirrors, cache = ""): string {
  const { docker, buildKit } = dockerWithBuildKit();
  const lines = ["set -e", `export DOCKER_BUILDKIT=${buildKit ? "1" : "0"}`];
  const folder = join(root, "dockerfiles");
  for (const template of foldersIn(folder))
    for (const version of foldersIn(join(folder, template))) {
      const name = `mesa-template-bench/${template}:${version}`;
      lines.push(
        `${docker} build -q ${cache} --build-arg MIRROR=${images} --build-arg DEB_MIRROR=${packages} -t ${name} ${folder}/${template}/${version} >/dev/null`,
        `id=$(${docker} run -d --rm --init ${name})`,
        `until ${docker} exec "$id" true; do sleep 0.1; done`,
        `for i in $(seq 20); do ${docker} exec "$id" true; done`,
        `${docker} rm -f "$id" >/dev/null`,
      );
    }
  return `${lines.join("\n")}\n`;
}

/** Removes the images that a script by hand made. */
export function removeByHand(): void {
  const made = execFileSync("docker", ["images", "-q", "mesa-template-bench/*"], { encoding: "utf8" });
  const ids = [...new Set(made.split("\n").filter((id) => id !== ""))];
  if (ids.length > 0) spawnSync("docker", ["rmi", "-f", ...ids], { stdio: "ignore" });
}
