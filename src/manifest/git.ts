import type { Host } from "../support/host";
import { runGit } from "../support/processes/git";
import type { ManifestEntry } from "./entry";

/** The address of the CI run, from the CI system's variables; undefined outside CI. */
function ciRun({
  GITHUB_RUN_ID,
  GITHUB_REPOSITORY,
  GITHUB_SERVER_URL = "https://github.com",
  ...env
}: Host["env"]): string | undefined {
  if (GITHUB_RUN_ID !== undefined && GITHUB_REPOSITORY !== undefined)
    return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  return ["CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL"]
    .map((name) => env[name])
    .find((url) => url !== undefined);
}

/** Who moves a channel: the CI run, else the identity that git would use for a commit, else the login name. */
export async function whoMoves(host: Host, root: string): Promise<string> {
  return ciRun(host.env) ?? (await gitIdentity(host, root)) ?? host.env["USER"] ?? "unknown";
}

async function gitIdentity(host: Host, root: string): Promise<string | undefined> {
  const { exitCode, stdout } = await runGit(host, root, ["config", "--get-regexp", "^user\\.(name|email)$"]);
  if (exitCode !== 0) return undefined;
  // The nearest configuration comes last, and wins.
  const found = new Map(
    stdout
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1).trim()]),
  );
  const [name, email] = [found.get("user.name") ?? "", found.get("user.email") ?? ""];
  if (name === "" && email === "") return undefined;
  return email === "" ? name : name === "" ? email : `${name} <${email}>`;
}

/** The templates' commit, the CI run, and whether templates/ differs from that commit. */
export async function originOf(host: Host, root: string): Promise<ManifestEntry["createdBy"]> {
  const ci = ciRun(host.env) ?? null;
  const head = await runGit(host, root, ["rev-parse", "HEAD"]);
  const commit = head.stdout.trim();
  if (head.stderr.includes("dubious ownership")) {
    // Its last line is the command that allows it.
    const allow = head.stderr.trim().split("\n").at(-1)?.trim() ?? "";
    const message = `git does not read this repository, because it belongs to another user, so the version names no commit. To allow it: ${allow}`;
    host.emit({ type: "warning", message });
  }
  if (head.exitCode !== 0 || !/^[0-9a-f]{40,64}$/u.test(commit)) return { commit: null, ci };
  const changed = await runGit(host, root, [
    "status",
    "--porcelain",
    "--untracked-files=all",
    "--",
    "templates",
  ]);
  return { commit, ci, ...(changed.exitCode === 0 && changed.stdout.trim() === "" ? {} : { dirty: true }) };
}
