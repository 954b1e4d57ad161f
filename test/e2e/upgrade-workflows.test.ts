import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "./git";
import { mesaTemplate } from "./program";
import { readWorkflow, runJob, type RanJob } from "./workflow-steps";
import { resetWorld, wish } from "./world";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "mesa-template-upgrades-"));
const origin = join(folder, "origin.git");
const bin = join(folder, "bin");

function checkout(name: string): string {
  git(folder, "clone", "--quiet", origin, name);
  return join(folder, name);
}

async function run(workflow: string, cwd: string, values: Readonly<Record<string, string>>): Promise<RanJob> {
  const read = readWorkflow(join(REPOSITORY, `.github/workflows/${workflow}.yml`));
  const job = read.jobs["upgrade"];
  if (job === undefined) throw new Error(`${workflow}.yml has no job upgrade`);
  const ran = await runJob(read, job, {
    cwd,
    values: {
      "secrets.MESA_API_KEY": process.env["MESA_API_KEY"] ?? "",
      "vars.MESA_ORG": process.env["MESA_ORG"] ?? "",
      ...values,
    },
    env: {
      MESA_TEMPLATE: `node ${join(REPOSITORY, "dist/mesa-template.js")}`,
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
    },
  });
  expect(ran.ok, ran.log).toBe(true);
  return ran;
}

beforeAll(async () => {
  await resetWorld();
  // The newest that an API key is enough for is the newest here.
  await wish({ removeVersion: "0.49.1" });
  mkdirSync(bin);
  // GitHub is out of reach: what would be asked of it is written down.
  writeFileSync(
    join(bin, "gh"),
    `#!/bin/sh\nprintf '%s\\n' "$@" > "${folder}/gh-arguments"\nfor last; do :; done\ncp "$last" "${folder}/gh-body"\n`,
  );
  chmodSync(join(bin, "gh"), 0o755);
  const first = join(folder, "first");
  for (const name of ["alpine", "partials", "upstream.toml"])
    cpSync(join(REPOSITORY, "templates", name), join(first, "templates", name), { recursive: true });
  const released = await mesaTemplate(["release", "0.38.0", "--no-deploy", "--root", first]);
  expect(released.code, released.stderr).toBe(0);
  writeFileSync(join(first, ".gitignore"), ".mesa-template/\n");
  writeFileSync(join(first, ".mesa-version"), "0.38.0\n");
  git(folder, "init", "--quiet", "--bare", "--initial-branch=main", origin);
  git(first, "init", "--quiet", "--initial-branch=main");
  git(first, "add", "--all");
  git(first, "commit", "--quiet", "--message", "Begin");
  git(first, "push", "--quiet", origin, "main");
}, 300_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the scheduled workflow", () => {
  it("opens a pull request with the proven upgrade and its release notes", async () => {
    await run("upgrade", checkout("scheduled"), {});
    const branch = "mesa-template/upgrade-0.46.0";
    const changed = git(origin, "diff", "--name-only", "main", branch).trim().split("\n");
    expect(changed).toContain("dockerfiles/alpine/0.46.0/lock.json");
    expect(changed.filter((path) => !path.startsWith("dockerfiles/"))).toEqual([]);
    expect(readFileSync(join(folder, "gh-arguments"), "utf8").split("\n").slice(0, 6)).toEqual([
      "pr",
      "create",
      "--head",
      branch,
      "--title",
      "Mesa 0.46.0",
    ]);
    const notes = readFileSync(join(folder, "gh-body"), "utf8");
    expect(notes).toMatch(/^# alpine@0\.46\.0-1\n/u);
    expect(notes).toContain("## Changed since alpine@0.38.0-1");
  });

  it("opens one with the next revision where nothing is newer and packages have moved", async () => {
    const cwd = checkout("refreshed");
    git(cwd, "switch", "--quiet", "mesa-template/upgrade-0.46.0");
    const record = join(cwd, "dockerfiles/alpine/0.46.0/records/1/record.json");
    writeFileSync(
      record,
      readFileSync(record, "utf8").replace(/("name": "fuse3",\s+"version": ")[^"]+/u, "$10.1"),
    );
    git(cwd, "commit", "--quiet", "--all", "--message", "Packages as they were");
    await run("upgrade", cwd, {});
    const branch = "mesa-template/refresh-0.46.0";
    const changed = git(origin, "diff", "--name-only", "mesa-template/upgrade-0.46.0", branch).split("\n");
    expect(changed).toContain("dockerfiles/alpine/0.46.0/lock.json");
    expect(changed).toContain("dockerfiles/alpine/0.46.0/records/2/record.json");
    expect(readFileSync(join(folder, "gh-body"), "utf8")).toMatch(
      /^# alpine@0\.46\.0-2\n[^]*~ fuse3 0\.1 → /u,
    );
  });
});

describe("the workflow on Renovate's branches", () => {
  it("adds what comes of the new version to the branch, and shows the plan", async () => {
    const cwd = checkout("renovate");
    git(cwd, "switch", "--quiet", "--create", "renovate/mesa-0.x");
    writeFileSync(join(cwd, ".mesa-version"), "0.46.0\n");
    git(cwd, "commit", "--quiet", "--all", "--message", "Update mesa to 0.46.0");
    await run("renovate", cwd, { "github.ref_name": "renovate/mesa-0.x" });
    const files = git(origin, "ls-tree", "-r", "--name-only", "renovate/mesa-0.x").split("\n");
    expect(files).toContain("dockerfiles/alpine/0.46.0/lock.json");
    expect(files).toContain("dockerfiles/alpine/0.46.0/records/1/sbom.cdx.json");
    expect(readFileSync(join(folder, "summary.md"), "utf8")).toContain("mesa: 0.38.0 → 0.46.0");
    // Again, with nothing to do: no commit, no failure.
    const before = git(origin, "rev-parse", "renovate/mesa-0.x");
    await run("renovate", cwd, { "github.ref_name": "renovate/mesa-0.x" });
    expect(git(origin, "rev-parse", "renovate/mesa-0.x")).toBe(before);
  });
});
