import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/manifest/entry";
import { originOf, whoMoves } from "../../../src/manifest/git";
import { updateManifest } from "../../../src/manifest/index";
import {
  checkBranchPossible,
  commitOnBranch,
  restoreFromHead,
} from "../../../src/release/upgrade/upgrade-branch";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import type { ReleaseEvent } from "../../../src/support/events";
import type { Host } from "../../../src/support/host";
import { paths } from "../../../src/support/files/paths";
import { runProcess } from "../../../src/support/processes/run-process";
import { entryOf, manifestOf, promote } from "../manifest/fixture";
import { fileHost } from "../manifest/host";

const work = mkdtempSync(join(tmpdir(), "in-git-"));
const who = {
  GIT_AUTHOR_NAME: "somebody",
  GIT_AUTHOR_EMAIL: "somebody@example.com",
  GIT_COMMITTER_NAME: "somebody",
  GIT_COMMITTER_EMAIL: "somebody@example.com",
};
const host: Host = {
  ...fileHost("r"),
  env: { PATH: process.env["PATH"], HOME: work, ...who },
  run: runProcess,
};
let root = "";
let top = "";

const git = (...args: readonly string[]): string =>
  execFileSync("git", ["-C", top, ...args], { encoding: "utf8", env: { ...process.env, ...who } }).trim();
const put = (name: string, text: string): void => {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
};
const manifestAt = (commit: string): Manifest =>
  JSON.parse(git("show", `${commit}:below/dockerfiles/manifest.json`)) as Manifest;
const manifestHere = (): Manifest => JSON.parse(readFileSync(paths(root).manifest, "utf8")) as Manifest;

const [old, newer] = [entryOf("debian", "0.20.0"), entryOf("debian", "0.26.0")];
const BEFORE = manifestOf(old);

beforeEach(() => {
  // The root is a folder of a larger repository: paths that git takes from its top would be others.
  top = mkdtempSync(join(work, "top-"));
  root = join(top, "below");
  put("templates/debian/template.toml", "a");
  put("dockerfiles/manifest.json", canonicalJson(BEFORE));
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message", "before");
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

describe("a version says where it comes from", () => {
  it("by the commit, and that the templates differ from it", async () => {
    const commit = git("rev-parse", "HEAD");
    put("dockerfiles/debian/0.26.0/lock.json", "{}");
    put(".mesa-template/logs/a", "what is not a template does not count");
    expect(await originOf(host, root)).toEqual({ commit, ci: null });
    put("templates/debian/template.toml", "b");
    expect(await originOf(host, root)).toEqual({ commit, ci: null, dirty: true });
    git("add", "--all");
    expect(await originOf(host, root)).toMatchObject({ dirty: true });
    git("commit", "--quiet", "--message", "edited");
    expect(await originOf(host, root)).toEqual({ commit: git("rev-parse", "HEAD"), ci: null });
    put("templates/debian/files/new", "untracked");
    expect(await originOf(host, root)).toMatchObject({ dirty: true });
  });

  it("by nothing outside of git, or where there is no git", async () => {
    expect(await originOf(host, tmpdir())).toEqual({ commit: null, ci: null });
    const without = { ...host, env: { PATH: "/nonexistent" } };
    expect(await originOf(without, root)).toEqual({ commit: null, ci: null });
  });

  it("by nothing in a repository of another user, and says what allows it", async () => {
    const said: ReleaseEvent[] = [];
    const ofAnother: Host = {
      ...host,
      emit: (event) => said.push(event),
      run: (asked) =>
        runProcess({ ...asked, env: { ...asked.env, GIT_TEST_ASSUME_DIFFERENT_OWNER: "1", LC_ALL: "C" } }),
    };
    expect(await originOf(ofAnother, root)).toEqual({ commit: null, ci: null });
    const message = expect.stringContaining(`git config --global --add safe.directory ${top}`) as string;
    expect(said).toEqual([{ type: "warning", message }]);
  });
});

it("git finds its configuration where the variables of the user say", async () => {
  const config = join(work, "config");
  mkdirSync(join(config, "git"), { recursive: true });
  writeFileSync(join(config, "git/config"), "[user]\nname = elsewhere\nemail = elsewhere@example.com\n");
  put("dockerfiles/debian/0.26.0/Dockerfile", "FROM scratch\n");
  // What a hook sets names another repository.
  const env = { PATH: process.env["PATH"], HOME: work, XDG_CONFIG_HOME: config, GIT_DIR: ".git" };
  expect(await originOf({ ...host, env }, root)).toMatchObject({ commit: git("rev-parse", "HEAD") });
  expect(await whoMoves({ ...host, env }, root)).toBe("elsewhere <elsewhere@example.com>");
  await commitOnBranch({ ...host, env }, root, "up", "Upgrade", BEFORE, [newer]);
  expect(git("log", "-1", "--format=%an", "up")).toBe("elsewhere");
});

const UPGRADED = { templates: ["debian"], version: "0.26.0" };

describe("the branch of an upgrade", () => {
  const released = async (meanwhile: (before: Manifest) => Manifest = (before) => before): Promise<void> => {
    await checkBranchPossible(host, root, "up");
    put("dockerfiles/debian/0.26.0/Dockerfile", "FROM scratch\n");
    await updateManifest(host, paths(root).manifest, (manifest) => ({
      ...manifest,
      versions: { ...manifest.versions, [newer.id]: newer },
    }));
    await updateManifest(host, paths(root).manifest, meanwhile);
  };

  it("holds the version and nothing else; the folder is as before", async () => {
    await released();
    const commit = await commitOnBranch(host, root, "up", "Upgrade", BEFORE, [newer]);
    await restoreFromHead(host, root, BEFORE, UPGRADED);
    expect(git("rev-parse", "up")).toBe(commit);
    expect(git("diff", "--name-only", "main", "up").split("\n")).toEqual([
      "below/dockerfiles/debian/0.26.0/Dockerfile",
      "below/dockerfiles/manifest.json",
    ]);
    expect(Object.keys(manifestAt("up").versions)).toEqual([old.id, newer.id]);
    expect([git("status", "--porcelain"), git("branch", "--show-current")]).toEqual(["", "main"]);
  });

  it("does not take along a promotion and a version that came meanwhile: they stay where they were made", async () => {
    const other = entryOf("alpine", "0.20.0");
    const facts = { at: "2026-01-02T00:00:00.000Z", by: "somebody", reason: "good" };
    await released((before) =>
      promote({ ...before, versions: { ...before.versions, [other.id]: other } }, [old.id], "stable", facts),
    );
    put("dockerfiles/alpine/0.20.0/Dockerfile", "FROM scratch\n");
    await commitOnBranch(host, root, "up", "Upgrade", BEFORE, [newer]);
    await restoreFromHead(host, root, BEFORE, UPGRADED);
    expect(manifestAt("up")).toMatchObject({ channels: {}, history: [] });
    expect(Object.keys(manifestAt("up").versions)).toEqual([old.id, newer.id]);
    const here = manifestHere();
    expect(here.channels).toEqual({ debian: { stable: old.id } });
    expect(here.history).toHaveLength(1);
    expect(Object.keys(here.versions)).toEqual([other.id, old.id]);
    expect(git("status", "--porcelain", "--untracked-files=all")).toContain("alpine/0.20.0/Dockerfile");
  });

  it("can be made after a run that failed or was interrupted before its commit", async () => {
    await released();
    const signal = AbortSignal.abort(new Error("interrupted"));
    await restoreFromHead({ ...host, signal }, root, BEFORE, UPGRADED);
    expect(git("status", "--porcelain")).toBe("");
    await released();
    expect(await commitOnBranch(host, root, "up", "Upgrade", BEFORE, [newer])).toBe(git("rev-parse", "up"));
  });

  it("is refused at once where git knows nobody who commits", async () => {
    const env = {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "",
    };
    await expect(checkBranchPossible({ ...host, env }, root, "up")).rejects.toMatchObject({
      code: "GIT_FAILED",
      message: expect.stringContaining("git var failed: ") as string,
      hint: expect.stringContaining("a name and an email address") as string,
    });
  });

  it("is refused where something waits to be committed, or the branch is there", async () => {
    git("branch", "up");
    await expect(checkBranchPossible(host, root, "up")).rejects.toMatchObject({
      code: "BRANCH_NOT_POSSIBLE",
    });
    await expect(checkBranchPossible(host, root, "up/0.26.0")).rejects.toMatchObject({
      code: "GIT_FAILED",
    });
    await checkBranchPossible(host, root, "other");
    put("dockerfiles/debian/0.20.0/Dockerfile", "edited");
    await expect(checkBranchPossible(host, root, "other")).rejects.toMatchObject({
      code: "BRANCH_NOT_POSSIBLE",
    });
  });
});
