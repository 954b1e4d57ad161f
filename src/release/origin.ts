import type { ManifestEntry } from "../manifest/entry";
import { ciRun } from "../manifest/who";
import type { Host } from "../support/host";
import { runGit } from "../support/processes/git";

/** The templates' commit, the CI run, and whether templates/ differs from that commit. */
export async function originOf(host: Host, root: string): Promise<ManifestEntry["createdBy"]> {
  const ci = ciRun(host.env) ?? null;
  const env = { PATH: host.env["PATH"] ?? "", HOME: host.env["HOME"] ?? "/", GIT_OPTIONAL_LOCKS: "0" };
  const git = async (...args: readonly string[]): Promise<string | undefined> => {
    const { exitCode, stdout } = await runGit(host, root, args, { env });
    return exitCode === 0 ? stdout.trim() : undefined;
  };
  const commit = await git("rev-parse", "HEAD");
  if (commit === undefined || !/^[0-9a-f]{40,64}$/u.test(commit)) return { commit: null, ci };
  const changed = await git("status", "--porcelain", "--untracked-files=all", "--", "templates");
  return { commit, ci, ...(changed === "" ? {} : { dirty: true }) };
}
