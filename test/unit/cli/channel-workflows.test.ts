import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { git } from "../../e2e/git";
import { readWorkflow, runJob, type RanJob } from "../../e2e/workflow-steps";
import type { Manifest } from "../../../src/manifest/entry";
import { entryOf, manifestOf } from "../manifest/fixture";
import { buildInto, REPOSITORY, workFolder } from "./fixture/built";
import { writeManifest } from "./fixture/program";

const work = workFolder("channel-workflows");
const origin = join(work.folder, "origin.git");
const checkout = join(work.folder, "checkout");

beforeAll(() => {
  buildInto(join(work.folder, "dist"));
  const first = join(work.folder, "first");
  mkdirSync(join(first, "templates"), { recursive: true });
  writeFileSync(join(first, "templates/README.md"), "templates\n");
  writeManifest(first, manifestOf(entryOf("debian", "0.20.0"), entryOf("debian", "0.26.0")));
  git(work.folder, "init", "--quiet", "--bare", "--initial-branch=main", origin);
  git(first, "init", "--quiet", "--initial-branch=main");
  git(first, "add", "--all");
  git(first, "commit", "--quiet", "--message", "Begin");
  git(first, "push", "--quiet", origin, "main");
  git(work.folder, "clone", "--quiet", origin, checkout);
}, 60_000);
afterAll(work.remove);

/** Presses the button of a workflow. */
async function press(
  name: "promote" | "rollback" | "scan",
  inputs: Readonly<Record<string, string>> = {},
): Promise<RanJob> {
  const workflow = readWorkflow(join(REPOSITORY, `.github/workflows/${name}.yml`));
  const job = workflow.jobs[name];
  if (job === undefined) throw new Error(`${name}.yml has no job ${name}`);
  const values = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`inputs.${key}`, value]));
  return runJob(workflow, job, {
    cwd: checkout,
    values: { "github.actor": "ada", ...values },
    env: { MESA_TEMPLATE: `node ${join(work.folder, "dist/mesa-template.js")}` },
  });
}

function pushed(): Manifest {
  return JSON.parse(git(origin, "show", "main:dockerfiles/manifest.json")) as Manifest;
}

const message = (): string => git(origin, "log", "-1", "--format=%an: %s", "main").trim();

it("scan passes where no channel exists yet, and commits nothing", async () => {
  const scanned = await press("scan");
  expect(scanned.ok, scanned.log).toBe(true);
  expect(message()).toMatch(/: Begin$/u);
});

it("promote and rollback by button commit the manifest and push it, even after another push meanwhile", async () => {
  const first = await press("promote", { version: "0.20.0", channel: "stable", reason: "first" });
  expect(first.ok, first.log).toBe(true);
  expect(pushed().channels).toEqual({ debian: { stable: "debian@0.20.0-1" } });
  expect(message()).toBe("ada: Promote 0.20.0 to stable: first");

  const other = join(work.folder, "other");
  git(work.folder, "clone", "--quiet", origin, other);
  writeFileSync(join(other, "another-file"), "pushed meanwhile\n");
  git(other, "add", "--all");
  git(other, "commit", "--quiet", "--message", "Meanwhile");
  git(other, "push", "--quiet", "origin", "main");

  const second = await press("promote", {
    version: "0.26.0",
    channel: "stable",
    template: "debian",
    reason: "new",
  });
  expect(second.ok, second.log).toBe(true);
  expect(pushed().channels).toEqual({ debian: { stable: "debian@0.26.0-1" } });
  expect(git(origin, "show", "main:another-file")).toBe("pushed meanwhile\n");

  const back = await press("rollback", { channel: "stable", reason: "mounts time out" });
  expect(back.ok, back.log).toBe(true);
  expect(pushed().channels).toEqual({ debian: { stable: "debian@0.20.0-1" } });
  expect(message()).toBe("ada: Roll back stable: mounts time out");

  const wrong = await press("rollback", { channel: "stabel", reason: "a typing error" });
  expect(wrong.ok).toBe(false);
  expect(wrong.log).toContain("Did you mean stable?");
  expect(readFileSync(join(checkout, "dockerfiles/manifest.json"), "utf8")).toBe(
    git(origin, "show", "main:dockerfiles/manifest.json"),
  );
}, 60_000);
