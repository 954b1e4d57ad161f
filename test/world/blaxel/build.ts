import { createHash } from "node:crypto";
import { WORLD_LABEL } from "../config";
import { readStream, tarOf } from "../engine";
import type { WorldTools } from "../part";
import type { ZipEntry } from "./zip";

/** A name for the source: the same files are the same source. */
export function sourceHash(entries: readonly ZipEntry[]): string {
  const hash = createHash("sha256");
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1)))
    hash.update(`${entry.name}\0${String(entry.mode)}\0`).update(entry.data);
  return hash.digest("hex");
}

/**
 * The builder's internet: names that exist out there are looked up in the world. A reference that ARG defaults leave
 * with docker.io/ or ghcr.io/ goes to the world's registry, the package repository to the world's.
 */
function withInternet(dockerfile: string, tools: Pick<WorldTools, "config">): string {
  const registry = `127.0.0.1:${String(tools.config.ports.registry)}/`;
  const packages = `http://${tools.config.gateway}:${String(tools.config.ports.apt)}`;
  return dockerfile
    .split("\n")
    .map((line) =>
      /^\s*(FROM|COPY)\b/iu.test(line)
        ? line.replace(
            /(^\s*FROM\s+(?:--\S+\s+)*|--from=)(?:\$\{MIRROR\})?(docker\.io\/|ghcr\.io\/)/iu,
            `$1${registry}$2`,
          )
        : line
            .replaceAll("https://packages.buildkite.com", packages)
            .replaceAll("${DOWNLOAD_MIRROR:-https://}", `${packages}/get/`),
    )
    .join("\n");
}

/** `.env.build` lines as build arguments. */
function buildArguments(entries: readonly ZipEntry[]): Record<string, string> {
  const text = entries.find((entry) => entry.name === ".env.build")?.data.toString("utf8") ?? "";
  return Object.fromEntries(
    text
      .split("\n")
      .filter((line) => /^[^#=]+=/u.test(line))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Really builds the uploaded project on the local engine. @returns the image's id */
export async function buildUpload(
  tools: WorldTools,
  entries: readonly ZipEntry[],
  tag: string,
  log: (line: string) => void,
): Promise<string> {
  const files: Record<string, { data: Buffer | string; mode: number }> = {};
  for (const entry of entries) files[entry.name] = { data: entry.data, mode: entry.mode };
  const dockerfile = files["Dockerfile"];
  if (dockerfile === undefined)
    throw new Error("failed to read dockerfile: open Dockerfile: no such file or directory");
  files["Dockerfile"] = { data: withInternet(dockerfile.data.toString("utf8"), tools), mode: 0o644 };
  log("#1 load Dockerfile");
  const { docker } = tools;
  const stream = await docker.buildImage(tarOf(files) as unknown as NodeJS.ReadableStream, {
    t: tag,
    version: 2 as unknown as "2",
    platform: "linux/amd64",
    labels: { [WORLD_LABEL]: tools.config.dir },
    buildargs: buildArguments(entries),
  });
  await readStream(stream);
  log("#2 exporting image");
  log("#3 DONE");
  return (await docker.getImage(tag).inspect()).Id;
}
