import gt from "semver/functions/gt";
import lt from "semver/functions/lt";
import { Failure } from "../support/errors";
import { runBl, type Bl } from "./run-bl";

/** bl --version exists since 0.1.98; everything this program relies on is older. */
export const OLDEST_BL = "0.1.98";

/** The version in the text of `bl --version` ("bl version 0.1.108"), or undefined. More may follow it, such as the commit. */
export function versionIn(text: string): string | undefined {
  return /^(?:bl|blaxel) version v?(\d+\.\d+\.\d{1,9}(?:-[a-z][0-9a-z.-]*)?|dev\b)/imu.exec(text)?.[1];
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
        : `${path} --version ${answer.ending} and printed no version that this program can read.`,
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
