import { describe, expect, it } from "vitest";
import type { MesaApi } from "../../../src/mesa/api";
import { onBranch, orgOfMounts, parseLayout, parseMount, placeMounts } from "../../../src/mesa/mounts";
import { makeBranches, type Branch } from "../../../src/sandbox/repos";

/** Mesa with bookmarks by "repo/bookmark"; what it is asked to make is told. */
function mesaWith(bookmarks: Readonly<Record<string, string>>): {
  readonly api: MesaApi;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const api: Partial<MesaApi> = {
    changeOf: (repo, bookmark) => Promise.resolve(bookmarks[`${repo}/${bookmark}`]),
    createChange(repo, base, message) {
      asked.push(`change in ${repo} on ${base} "${message}"`);
      return Promise.resolve(`new-${repo}`);
    },
    createBookmark(repo, bookmark, changeId) {
      asked.push(`bookmark ${bookmark} in ${repo} at ${changeId}`);
      return Promise.resolve();
    },
  };
  return { api: api as MesaApi, asked };
}

const mounts = (branch: string, ...texts: readonly string[]): ReturnType<typeof placeMounts> => {
  const wishes = texts.map((text) => parseMount(text, true));
  return placeMounts("0.49.1", "acme", onBranch(wishes, branch, "main"));
};

describe("a branch for a session", () => {
  const known = { "demo/main": "m1", "docs/v2": "d2", "lib/next": "n1" };

  it("is a new change with a bookmark for each repository that is written to, and what is mounted then", async () => {
    const { api, asked } = mesaWith(known);
    const made: Branch[] = [];
    const wanted = mounts("agent/1", "demo:/app", "docs:ro@v2", "lib:rw@next");
    const placed = await makeBranches(api, "acme", wanted, "run", (branch) => made.push(branch));
    expect(asked).toEqual([
      'change in demo on m1 ""',
      "bookmark agent/1 in demo at new-demo",
      'change in lib on n1 ""',
      "bookmark agent/1 in lib at new-lib",
    ]);
    expect(made).toEqual([
      { repo: "acme/demo", bookmark: "agent/1", into: "main" },
      { repo: "acme/lib", bookmark: "agent/1", into: "next" },
    ]);
    expect(placed).toEqual([
      { path: "/app", entry: { kind: "repo", name: "demo", mode: "rw", at: { bookmark: "agent/1" } } },
      { path: "/acme/docs", entry: { kind: "repo", name: "docs", mode: "ro", at: { bookmark: "v2" } } },
      { path: "/acme/lib", entry: { kind: "repo", name: "lib", mode: "rw", at: { bookmark: "agent/1" } } },
    ]);
  });

  it("is what branchedFrom of a layout says, with the session's name when it has none", async () => {
    const { api, asked } = mesaWith({});
    const entry = { kind: "repo", name: "demo", mode: "rw" };
    const layout = { "/a": { ...entry, branchedFrom: { changeId: "c1", as: { describe: "why" } } } };
    const wanted = placeMounts("0.49.1", "acme", parseLayout(JSON.stringify(layout), "f"));
    const [placed] = await makeBranches(api, "acme", wanted, "run", () => undefined);
    expect(asked).toEqual(['change in demo on c1 "why"', "bookmark run in demo at new-demo"]);
    expect(placed?.entry.at).toEqual({ bookmark: "run" });
  });

  it.each([
    ["a name that is taken", mounts("main", "demo"), "BRANCH_EXISTS"],
    ["a base that is not there", mounts("a", "demo@gone"), "MESA_NOT_FOUND"],
    ["a bookmark to read that is not there", mounts("a", "demo", "docs:ro@v3"), "MESA_NOT_FOUND"],
  ])("is refused before anything is made: %s", async (_, wanted, code) => {
    const { api, asked } = mesaWith(known);
    await expect(makeBranches(api, "acme", wanted, "run", () => undefined)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });

  it.each([
    ["a name that is none", () => mounts("-x", "demo"), /"-x" is not a name/u],
    ["nothing to write to", () => mounts("a", "demo:ro"), /mounted for writing/u],
    [
      "a version without layouts",
      () => placeMounts("0.38.0", "acme", onBranch([parseMount("acme/demo:rw", false)], "a", "main")),
      /Mesa 0\.38\.0 cannot put demo on a branch of its own: .*0\.44/u,
    ],
  ])("is refused: %s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("needs a repository", () => {
    expect(() => orgOfMounts([])).toThrow(/No repository was given/u);
  });
});
