import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "./git";
import { mesaTemplate } from "./program";
import { readWorkflow, runJob, type Job, type RanJob, type Workflow } from "./workflow-steps";
import { resetWorld } from "./world";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const PROGRAM = `node ${join(REPOSITORY, "dist/mesa-template.js")}`;
const NAMES = ["BL_API_KEY", "BL_WORKSPACE", "MESA_API_KEY", "MESA_ORG"];
const VERSIONS = ["0.20.0", "0.26.0"];

const folder = mkdtempSync(join(tmpdir(), "mesa-template-pipeline-"));
const team = join(folder, "team");
const origin = join(folder, "origin.git");

function checkout(name: string): string {
  git(folder, "clone", "--quiet", origin, name);
  return join(folder, name);
}

function jobOf(workflow: Workflow, name: string): Job {
  const job = workflow.jobs[name];
  if (job === undefined) throw new Error(`there is no job ${name}`);
  return job;
}

function run(
  workflow: Workflow,
  job: string,
  cwd: string,
  values: Readonly<Record<string, string>> = {},
): Promise<RanJob> {
  const given = Object.fromEntries(
    NAMES.flatMap((name) => [
      [`secrets.${name}`, process.env[name] ?? ""],
      [`vars.${name}`, process.env[name] ?? ""],
    ]),
  );
  return runJob(workflow, jobOf(workflow, job), {
    cwd,
    values: { ...given, ...values },
    env: { MESA_TEMPLATE: PROGRAM },
  });
}

beforeAll(async () => {
  await resetWorld();
  const made = await mesaTemplate(["init", team, "--json"]);
  expect(made.code, made.stderr).toBe(0);
  git(folder, "init", "--quiet", "--bare", "--initial-branch=main", origin);
  git(team, "init", "--quiet", "--initial-branch=main");
  git(team, "add", "--all");
  git(team, "commit", "--quiet", "--message", "Begin");
  git(team, "push", "--quiet", origin, "main");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a repository that init made", () => {
  it("locks and renders at once, and rendered files stay unchanged", async () => {
    const root = join(folder, "fresh");
    await mesaTemplate(["init", root]);
    const locked = await mesaTemplate(["lock", "0.20.0", "--root", root, "--template", "debian"]);
    expect(locked.code, locked.stderr).toBe(0);
    const rendered = await mesaTemplate(["render", "0.20.0", "--root", root, "--template", "debian"]);
    expect(rendered.code, rendered.stderr).toBe(0);
    expect(existsSync(join(root, "dockerfiles/debian/0.20.0/Dockerfile"))).toBe(true);
    const checked = await mesaTemplate([
      "render",
      "0.20.0",
      "--check",
      "--root",
      root,
      "--template",
      "debian",
    ]);
    expect(checked.code, checked.stderr).toBe(0);
  });
});

interface Manifest {
  readonly versions: Readonly<
    Record<
      string,
      { readonly status: string; readonly deployments: { readonly world: { readonly image: string } } }
    >
  >;
}

interface Handed {
  /** The artifact's name. */
  readonly name: string;
  /** The folder it was made of. */
  readonly folder: string;
}

/** What actions/download-artifact does: each artifact in a folder of its name. */
function handOver(artifacts: readonly Handed[], target: string): void {
  for (const { name, folder: source } of artifacts) cpSync(source, join(target, name), { recursive: true });
}

describe("the release workflow, as init writes it", () => {
  const workflow = (): Workflow => readWorkflow(join(team, ".github/workflows/mesa-release.yml"));

  async function prove(template: string, version: string): Promise<Handed & { readonly job: RanJob }> {
    const name = `proven.${template}.${version}`;
    const cwd = checkout(name);
    const job = await run(workflow(), "prove", cwd, {
      "matrix.template": template,
      "matrix.version": version,
    });
    return { name, folder: join(cwd, "proven"), job };
  }

  async function deploy(
    template: string,
    proven: readonly Handed[],
  ): Promise<Handed & { readonly job: RanJob }> {
    const name = `released.${template}`;
    const cwd = checkout(name);
    const mine = proven.filter((artifact) => artifact.name.startsWith(`proven.${template}.`));
    handOver(mine, join(cwd, "proven"));
    const job = await run(workflow(), "deploy", cwd, { "matrix.template": template });
    return { name, folder: join(cwd, "released"), job };
  }

  it("proves four versions at once, deploys them template by template and joins what was written", async () => {
    const planned = await run(workflow(), "plan", checkout("plan"), {
      "inputs.versions": VERSIONS.join(" "),
    });
    expect(planned.ok, planned.log).toBe(true);
    const { include } = JSON.parse(planned.outputs["matrix"] ?? "") as {
      include: { template: string; version: string }[];
    };
    expect(include).toHaveLength(4);
    const templates = JSON.parse(planned.outputs["templates"] ?? "") as string[];
    expect(templates).toEqual(["alpine", "debian"]);

    const proven = await Promise.all(include.map(({ template, version }) => prove(template, version)));
    for (const { job, name } of proven) expect(job.ok, `${name}\n${job.log}`).toBe(true);

    const released = await Promise.all(templates.map((template) => deploy(template, proven)));
    for (const { job, name } of released) {
      expect(job.ok, `${name}\n${job.log}`).toBe(true);
      // What was proven in the other job is not built again.
      expect(job.log).not.toMatch(/build: \[|build done/u);
    }

    const merging = checkout("merge");
    handOver(released, join(merging, "released"));
    const merged = await run(workflow(), "merge", merging);
    expect(merged.ok, merged.log).toBe(true);

    const result = checkout("result");
    const manifest = JSON.parse(readFileSync(join(result, "dockerfiles/manifest.json"), "utf8")) as Manifest;
    expect(Object.entries(manifest.versions).map(([id, { status }]) => [id, status])).toEqual(
      templates.flatMap((template) => VERSIONS.map((version) => [`${template}@${version}-1`, "verified"])),
    );
    const images = Object.values(manifest.versions).map(({ deployments }) => deployments.world.image);
    expect(new Set(images).size).toBe(4);
    for (const { template, version } of include)
      for (const file of ["Dockerfile", "lock.json", "blaxel.toml"])
        expect(existsSync(join(result, "dockerfiles", template, version, file))).toBe(true);
    expect(git(result, "ls-files", "--", "released", "proven", "result.json", ".mesa-template")).toBe("");
  });

  it("has nothing to do afterwards, and then starts no job", async () => {
    const planned = await run(workflow(), "plan", checkout("again"));
    expect(planned.ok, planned.log).toBe(true);
    expect(planned.outputs).toEqual({ matrix: '{"include":[]}', templates: "[]" });
    expect(jobOf(workflow(), "prove").if).toBe("needs.plan.outputs.templates != '[]'");
    for (const job of ["deploy", "merge"]) expect(jobOf(workflow(), job).if).toContain("result != 'skipped'");
  });

  it("hands on nothing of a version that could not be proven", async () => {
    const { job, folder: packed } = await prove("debian", "9.9.9");
    expect(job.ok).toBe(false);
    expect(job.log).toContain('"ok":false');
    expect(existsSync(packed)).toBe(false);
  });
});

describe("the action", () => {
  const action = parse(readFileSync(join(REPOSITORY, "action.yml"), "utf8")) as { readonly runs: Job };
  // Where npm installs it in a repository that depends on it.
  const bin = join(team, "node_modules/.bin");
  const act = (command: string): Promise<RanJob> =>
    runJob(
      { jobs: {} },
      { ...action.runs, outputs: { result: "${{ steps.run.outputs.result }}" } },
      {
        cwd: folder,
        values: { "inputs.command": command, "inputs.working-directory": "team" },
      },
    );

  beforeAll(() => {
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "mesa-template"), `#!/bin/sh\nexec ${PROGRAM} "$@"\n`);
    chmodSync(join(bin, "mesa-template"), 0o755);
  });

  it("gives a command's answer as its result", async () => {
    const ran = await act("matrix 0.20.0 --template 'debian'");
    expect(ran.ok, ran.log).toBe(true);
    expect(JSON.parse(ran.outputs["result"] ?? "")).toEqual({
      include: [{ template: "debian", version: "0.20.0" }],
    });
  });

  it("runs nothing where a quote is not closed: the words before it are another command", async () => {
    const ran = await act("matrix 0.20.0 --template=debian --upstream=it's.toml");
    expect([ran.ok, ran.outputs["result"]]).toEqual([false, ""]);
    expect(ran.log).toContain("The command has a quote without its other half");
  });

  it("fails as the command does, and says why in its result", async () => {
    const ran = await act("resolve nothing");
    expect(ran.ok).toBe(false);
    expect(JSON.parse(ran.outputs["result"] ?? "")).toMatchObject({ ok: false, error: { code: "USAGE" } });
  });
});
