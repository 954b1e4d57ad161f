import { access, constants, mkdir, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import gt from "semver/functions/gt";
import lt from "semver/functions/lt";
import { Failure } from "../support/errors";
import { makeTemporaryFolder } from "../support/files/files";
import type { Host } from "../support/host";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import { blaxelCredentials, type BlaxelCredentials } from "./credentials";
import { runBl, type Bl } from "./run-bl";

/** bl --version exists since 0.1.98; everything this program relies on is older. */
const OLDEST_BL = "0.1.98";

/** The bl on PATH (absolute path). @throws Failure BL_MISSING (exit 3) */
async function findBl(host: Host): Promise<string> {
  for (const folder of (host.env["PATH"] ?? "").split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, "bl");
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      continue;
    }
  }
  throw new Failure({
    code: "BL_MISSING",
    kind: "environment",
    message: "bl (Blaxel's CLI) is not on PATH.",
    hint: `Install bl ${OLDEST_BL} or newer (docs.blaxel.ai, "Blaxel CLI"), or stop before the deploy with --no-deploy.`,
  });
}

/**
 * Runs `use` with bl, signed in; its private folder is removed afterwards.
 * @throws Failure BL_MISSING, NO_BLAXEL_CREDENTIALS, NO_NEUTRAL_FOLDER (exit 3)
 */
export async function withBl<T>(
  host: Host,
  use: (bl: Bl, credentials: BlaxelCredentials) => Promise<T>,
): Promise<T> {
  const path = await findBl(host);
  const credentials = await blaxelCredentials(host);
  return inFolder(host, (folder) => use({ host, path, folder, credentials }, credentials));
}

/** The bl on PATH and its version. @throws Failure BL_MISSING, BL_TOO_OLD, BL_BROKEN (exit 3) */
export async function inspectBl(host: Host): Promise<{ readonly path: string; readonly version: string }> {
  const path = await findBl(host);
  const version = await inFolder(host, (folder) => blVersion({ host, path, folder, credentials: undefined }));
  return { path, version };
}

/** Names that bl leaves out of uploads. */
const SWALLOWING =
  /(^|\/)(\.blaxel|\.env\.build|\.docker|\.git|dist|\.venv|venv|node_modules|\.env|\.next|__pycache__)(\/|$)/u;

/**
 * A folder for temporary files: TMPDIR if suitable, else /tmp, /var/tmp. bl's ignore rules match absolute paths, so below a folder with one
 * of those names no file would be uploaded.
 * @throws Failure NO_NEUTRAL_FOLDER (exit 3)
 */
async function neutralParent(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const candidate of [env["TMPDIR"], tmpdir(), "/tmp", "/var/tmp"]) {
    if (candidate === undefined || !candidate.startsWith("/")) continue;
    // bl follows links.
    const path = await realpath(candidate).catch(() => undefined);
    if (path !== undefined && !SWALLOWING.test(path)) return path;
  }
  throw new Failure({
    code: "NO_NEUTRAL_FOLDER",
    kind: "environment",
    message:
      "No folder for temporary files is usable: each is missing or has a name in its path that bl leaves out of uploads.",
    hint: "Set TMPDIR to a folder such as /tmp.",
  });
}

async function inFolder<T>(host: Host, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeTemporaryFolder("bl", await neutralParent(host.env));
  return withCleanUp(
    async () => {
      for (const name of ["home", "tmp", "cwd"]) await mkdir(join(folder, name), { mode: 0o700 });
      return use(folder);
    },
    () => rm(folder, { recursive: true, force: true }),
    warnThatStays(host, folder),
  );
}

/** The version in the text of `bl --version` ("bl version 0.1.108"), or undefined. */
export function versionIn(text: string): string | undefined {
  return /^bl version v?(\d+\.\d+\.\d+\S*|dev)\s*$/mu.exec(text)?.[1];
}

/**
 * bl's version: "0.1.108", or "dev" for a local build. bl gets no credentials to say it.
 * @throws Failure BL_TOO_OLD, BL_BROKEN (exit 3)
 */
export async function blVersion(bl: Bl): Promise<string> {
  const { path } = bl;
  const answer = await runBl({ ...bl, credentials: undefined }, ["--version"], { timeoutMs: 20_000 });
  const version = versionIn(answer.stdout);
  if (version === undefined) {
    const old = answer.exitCode === 1 && /unknown flag: --version/u.test(answer.stdout + answer.stderr);
    throw new Failure({
      code: old ? "BL_TOO_OLD" : "BL_BROKEN",
      kind: "environment",
      message: old
        ? `${path} is older than ${OLDEST_BL}: it does not know --version.`
        : `${path} --version ${answer.ending} and printed no version.`,
      log: answer.lastLines,
      hint: `Install bl ${OLDEST_BL} or newer.`,
    });
  }
  if (version !== "dev" && lt(version, OLDEST_BL)) {
    throw new Failure({
      code: "BL_TOO_OLD",
      kind: "environment",
      message: `${path} is version ${version}; ${OLDEST_BL} or newer is needed.`,
      hint: "Update it (bl upgrade), or put a newer one first on PATH.",
    });
  }
  return version;
}

/** The newest bl that silently drops [labels] and the builder's own keys of [build] in blaxel.toml. */
const NEWEST_THAT_DROPS = "0.1.108";

/** Whether a bl sends [labels] and `[build] dockerfile memoryMb …`. A local build ("dev") counts as new. */
export function sendsBuildSettings(version: string): boolean {
  return version === "dev" || gt(version, NEWEST_THAT_DROPS);
}
