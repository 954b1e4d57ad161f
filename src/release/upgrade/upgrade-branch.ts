import { join } from "node:path";
import { EMPTY_MANIFEST, type ManifestEntry } from "../../manifest/entry";
import { updateManifest } from "../../manifest/index";
import { parseManifest } from "../../manifest/read";
import { canonicalJson } from "../../support/text/canonical-json";
import { Failure } from "../../support/errors";
import { withTemporaryFolder } from "../../support/files/files";
import type { Host } from "../../support/host";
import { runGit } from "../../support/processes/git";
import { MANIFEST_FILE } from "../../support/files/paths";

/** Only generated files go onto the branch. */
const COMMITTED = "dockerfiles";
const TIMEOUT_MS = 30_000;

/** Runs git in a root, and returns what it prints. @throws Failure GIT_FAILED (exit 3) */
function gitIn(host: Host, root: string) {
  return async (
    args: readonly string[],
    { index, input }: { readonly index?: string; readonly input?: string } = {},
  ): Promise<string> => {
    const { signal } = host;
    const env = { GIT_INDEX_FILE: index };
    const result = await runGit(host, root, args, { env, input, timeoutMs: TIMEOUT_MS, signal });
    if (result.exitCode === 0) return result.stdout.trim();
    throw new Failure({
      code: "GIT_FAILED",
      kind: "environment",
      message: `git ${args[0] ?? ""} failed: ${(result.spawnError ?? result.stderr).trim().split("\n").at(-1) ?? ""}`,
      log: result.stderr.trim().split("\n"),
      hint: "--branch needs git, and a root inside a repository with at least one commit.",
    });
  };
}

/**
 * Checks that the branch can be made: no uncommitted changes below dockerfiles/, and no branch of that name.
 * @throws Failure BRANCH_NOT_POSSIBLE (exit 2), GIT_FAILED (exit 3)
 */
export async function checkBranchPossible(host: Host, root: string, branch: string): Promise<void> {
  const run = gitIn(host, root);
  await run(["check-ref-format", "--branch", branch]);
  const waiting = await run(["status", "--porcelain", "--untracked-files=all", "--", COMMITTED]);
  if (waiting !== "") {
    throw new Failure({
      code: "BRANCH_NOT_POSSIBLE",
      kind: "usage",
      message: `${join(root, COMMITTED)} has uncommitted changes: ${waiting.split("\n").slice(0, 5).join(", ")}.`,
      hint: "Commit them first: this command restores the folder afterwards, so that only the branch has the upgrade.",
    });
  }
  const there = await run(["for-each-ref", "--format=%(objectname:short)", `refs/heads/${branch}`]);
  if (there !== "") {
    throw new Failure({
      code: "BRANCH_NOT_POSSIBLE",
      kind: "usage",
      message: `The branch ${branch} already exists (${there}).`,
      hint: `Merge it, delete it (git branch -D ${branch}), or use another name (--branch-name).`,
    });
  }
}

/**
 * Commits the given versions onto a new branch from HEAD (their folders and manifest entries), and removes both from the working tree. The
 * current branch, the index and other people's changes stay untouched.
 * @returns the commit's name; undefined if there is nothing to commit
 */
export async function commitOnBranch(
  host: Host,
  root: string,
  branch: string,
  message: string,
  made: readonly ManifestEntry[],
): Promise<string | undefined> {
  const run = gitIn(host, root);
  const folders = [
    ...new Set(made.map(({ template, mesaVersion }) => `${COMMITTED}/${template}/${mesaVersion}`)),
  ];
  const committed = await run(["show", `HEAD:./${MANIFEST_FILE}`]).catch(() => undefined);
  const before = committed === undefined ? EMPTY_MANIFEST : parseManifest(committed, `HEAD:${MANIFEST_FILE}`);
  const text = canonicalJson({
    ...before,
    versions: { ...before.versions, ...Object.fromEntries(made.map((entry) => [entry.id, entry])) },
  });
  const commit = await withTemporaryFolder("index", async (folder) => {
    const index = join(folder, "index");
    await run(["read-tree", "HEAD"], { index });
    await run(["add", "--all", "--", ...folders], { index });
    const blob = await run(["hash-object", "-w", "--stdin"], { input: text });
    const prefix = await run(["rev-parse", "--show-prefix"]);
    await run(["update-index", "--add", "--cacheinfo", `100644,${blob},${prefix}${MANIFEST_FILE}`], {
      index,
    });
    const tree = await run(["write-tree"], { index });
    if (tree === (await run(["rev-parse", "HEAD^{tree}"]))) return undefined;
    return run(["commit-tree", tree, "-p", "HEAD", "-F", "-"], { input: host.redact(message) });
  });
  if (commit === undefined) return undefined;
  await run(["update-ref", `refs/heads/${branch}`, commit, ""]);
  for (const folder of folders) {
    if ((await run(["ls-tree", "HEAD", `./${folder}`])) !== "") await run(["checkout", "HEAD", "--", folder]);
    await run(["clean", "--force", "-d", "--quiet", "--", folder]);
  }
  await updateManifest(host, join(root, MANIFEST_FILE), (manifest) => {
    const ids = new Set(made.map(({ id }) => id));
    const others = Object.entries(manifest.versions).filter(([id]) => !ids.has(id));
    const back = Object.entries(before.versions).filter(([id]) => ids.has(id));
    return { ...manifest, versions: Object.fromEntries([...others, ...back]) };
  });
  return commit;
}
