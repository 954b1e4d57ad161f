import { join } from "node:path";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { updateManifest } from "../../manifest/index";
import { canonicalJson } from "../../support/text/canonical-json";
import { Failure } from "../../support/errors";
import { withTemporaryFolder } from "../../support/files/files";
import type { Host } from "../../support/host";
import { runGit } from "../../support/processes/git";
import { MANIFEST_FILE } from "../../support/files/paths";

/** Only generated files go onto the branch. */
const COMMITTED = "dockerfiles";
const TIMEOUT_MS = 30_000;

/** Runs git in a root, also after an interruption, and returns what it prints. @throws Failure GIT_FAILED (exit 3) */
function gitIn(host: Host, root: string) {
  return async (
    args: readonly string[],
    { index, input }: { readonly index?: string; readonly input?: string } = {},
  ): Promise<string> => {
    const env = { GIT_INDEX_FILE: index };
    const result = await runGit(host, root, args, { env, input, timeoutMs: TIMEOUT_MS });
    if (result.exitCode === 0) return result.stdout.trim();
    throw new Failure({
      code: "GIT_FAILED",
      kind: "environment",
      message: `git ${args[0] ?? ""} failed: ${(result.spawnError ?? result.stderr).trim().split("\n").at(-1) ?? ""}`,
      log: result.stderr.trim().split("\n"),
      hint: "--branch needs git with a name and an email address, a root inside a repository with at least one commit, and a branch name that git takes (--branch-name).",
    });
  };
}

/**
 * Checks that the branch can be made: a committer, no uncommitted changes below dockerfiles/, and no branch in the way.
 * @throws Failure BRANCH_NOT_POSSIBLE (exit 2), GIT_FAILED (exit 3)
 */
export async function checkBranchPossible(host: Host, root: string, branch: string): Promise<void> {
  const run = gitIn(host, root);
  await run(["check-ref-format", "--branch", branch]);
  for (const who of ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"]) await run(["var", who]);
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
  // Tries it without doing it: a branch "a" is in the way of "a/b", for example.
  await run(["update-ref", "--stdin"], {
    input: `start\ncreate refs/heads/${branch} HEAD\nprepare\nabort\n`,
  });
}

/**
 * Commits the given versions onto a new branch from HEAD (their folders and manifest entries). The current branch, the index and other
 * people's changes stay untouched.
 * @param before the manifest in HEAD
 * @returns the commit's name; undefined if there is nothing to commit
 */
export async function commitOnBranch(
  host: Host,
  root: string,
  branch: string,
  message: string,
  before: Manifest,
  made: readonly ManifestEntry[],
): Promise<string | undefined> {
  const run = gitIn(host, root);
  const folders = made.map(({ template, mesaVersion }) => `${COMMITTED}/${template}/${mesaVersion}`);
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
  return commit;
}

/** Restores the templates' folders and manifest entries of a Mesa version as they were. */
export async function restoreFromHead(
  host: Host,
  root: string,
  before: Manifest,
  { templates, version }: { readonly templates: readonly string[]; readonly version: string },
): Promise<void> {
  const run = gitIn(host, root);
  for (const folder of templates.map((template) => `${COMMITTED}/${template}/${version}`)) {
    if ((await run(["ls-tree", "HEAD", `./${folder}`])) !== "") await run(["checkout", "HEAD", "--", folder]);
    await run(["clean", "--force", "-d", "--quiet", "--", folder]);
  }
  const isTheirs = ([, entry]: readonly [string, ManifestEntry]): boolean =>
    entry.mesaVersion === version && templates.includes(entry.template);
  await updateManifest(host, join(root, MANIFEST_FILE), (manifest) => {
    const others = Object.entries(manifest.versions).filter((one) => !isTheirs(one));
    const back = Object.entries(before.versions).filter(isTheirs);
    return { ...manifest, versions: Object.fromEntries([...others, ...back]) };
  });
}
