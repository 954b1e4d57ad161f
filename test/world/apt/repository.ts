import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { worldPath } from "../config";
import { buildImage, hasImage, inputsHash } from "../engine";
import type { WorldTools } from "../part";
import { runAndUnpack } from "./run-and-unpack";

/** One of each generation of the CLI but access-token, and a prerelease. */
export const DEFAULT_VERSIONS: readonly string[] = [
  "0.15.0",
  "0.20.0",
  "0.26.0",
  "0.38.0",
  "0.46.0",
  "0.47.0-rc.1",
  "0.49.1",
];

type Tools = Pick<WorldTools, "config" | "docker" | "log">;

/** Makes repositories in files, each for a list of versions. */
export interface RepositoryMaker {
  /** The public key, ASCII-armoured, on the host. */
  readonly keyPath: string;
  readonly fingerprint: string;
  /**
   * The folder of a repository: good/ as it should be, beside it a folder for each way to be wrong.
   * @param anew signed now, though it may be there already: an index that changes back must not look older than the one before
   * @throws Error when a version is none
   */
  make(versions: readonly string[], anew?: boolean): Promise<string>;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function sourcesOf(folder: string): Promise<Record<string, Buffer>> {
  const names = (await readdir(folder)).filter((name) => /\.(c|h|sh)$/u.test(name)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

/**
 * Packages are compiled and packed in the toolchain image, under the hash of what they are made from; the keys are made once
 * and stay in the world's folder, so that what was signed goes on being vouched for.
 */
export async function repositoryMaker(tools: Tools, toolchain: string): Promise<RepositoryMaker> {
  const { config, docker, log } = tools;
  const files = {
    ...(await sourcesOf(join(config.source, "mesa/program"))),
    ...(await sourcesOf(join(config.source, "apt"))),
  };
  const api = `http://${config.gateway}:${String(config.ports.mesa)}`;
  const hash = inputsHash(toolchain, api, ...Object.entries(files).flat());
  const tag = `mesa-template-world/repository:${hash}`;

  async function ensureImage(): Promise<string> {
    if (await hasImage(docker, tag)) return tag;
    log("compiling the stand-in mesa for each of its versions");
    const dockerfile = `FROM ${toolchain}\nCOPY . /src/\nRUN sh /src/make-packages.sh ${api} ${DEFAULT_VERSIONS.join(" ")}\n`;
    await buildImage(docker, { Dockerfile: dockerfile, ...files }, { tag });
    return tag;
  }

  const keys = worldPath(config, "apt-keys");
  if (!(await isThere(keys)))
    await runAndUnpack(docker, await ensureImage(), "sh /src/make-keys.sh", {}, keys);
  const keyFiles = Object.fromEntries(
    await Promise.all(
      (await readdir(keys)).map(async (name) => [`keys/${name}`, await readFile(join(keys, name))] as const),
    ),
  );
  const fingerprint = await readFile(join(keys, "fingerprint"), "utf8");

  return {
    keyPath: join(keys, "key.asc"),
    fingerprint,
    async make(versions, anew = false) {
      const bad = versions.find((version) => !/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/u.test(version));
      if (bad !== undefined) throw new Error(`"${bad}" is not a version`);
      const list = versions.join(" ");
      const folder = worldPath(config, `apt-${inputsHash(hash, fingerprint, list)}`);
      if (!anew && (await isThere(folder))) return folder;
      log(`signing the package repository with mesa ${list}`);
      const script = `sh /src/make-packages.sh ${api} ${list}\nsh /src/make-index.sh ${list}`;
      await runAndUnpack(docker, await ensureImage(), script, keyFiles, folder);
      return folder;
    },
  };
}
