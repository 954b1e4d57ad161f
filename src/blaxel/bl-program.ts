import { access, constants, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import gt from "semver/functions/gt";
import lt from "semver/functions/lt";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { runBl, type BlSession } from "./run-bl";

/** bl --version exists since 0.1.98; everything this program relies on is older. */
const OLDEST_BL = "0.1.98";

export interface BlProgram {
  readonly path: string;
  /** "0.1.108", or "dev" for a local build. */
  readonly version: string;
}

/** The bl on PATH (absolute path). @throws Failure BL_MISSING (exit 3) */
export async function findBl(host: Host): Promise<string> {
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

/** The version in the text of `bl --version` ("bl version 0.1.108"), or undefined. */
export function versionIn(text: string): string | undefined {
  return /^bl version v?(\d+\.\d+\.\d+\S*|dev)\s*$/mu.exec(text)?.[1];
}

/**
 * Reads bl's version, without giving bl credentials.
 * @throws Failure BL_TOO_OLD, BL_BROKEN (exit 3)
 */
export async function inspectBl(host: Host, path: string, session: BlSession): Promise<BlProgram> {
  const unsigned = { ...session, credentials: undefined };
  const answer = await runBl(host, path, unsigned, ["--version"], { timeoutMs: 20_000 });
  const version = versionIn(answer.stdout);
  const tail = answer.lastLines;
  if (version === undefined) {
    const old = answer.exitCode === 1 && /unknown flag: --version/u.test(answer.stdout + answer.stderr);
    throw new Failure({
      code: old ? "BL_TOO_OLD" : "BL_BROKEN",
      kind: "environment",
      message: old
        ? `${path} is older than ${OLDEST_BL}: it does not know --version.`
        : `${path} --version ${answer.ending} and printed no version.`,
      log: tail,
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
  return { path, version };
}

/** The newest bl that silently drops [labels] and the builder's own keys of [build] in blaxel.toml. */
const NEWEST_THAT_DROPS = "0.1.108";

/** Whether a bl sends [labels] and `[build] dockerfile memoryMb …`. A local build ("dev") counts as new. */
export function sendsBuildSettings(version: string): boolean {
  return version === "dev" || gt(version, NEWEST_THAT_DROPS);
}
