import { access, constants, mkdir, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import type { Environment } from "../support/environment";
import { Failure } from "../support/errors";
import { makeTemporaryFolder } from "../support/files/files";
import type { Host } from "../support/host";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import { blaxelCredentials, type BlaxelCredentials } from "./credentials";
import { blVersion, OLDEST_BL } from "./bl-version";
import type { Bl } from "./run-bl";

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
async function neutralParent(env: Environment): Promise<string> {
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
