/**
 * Kills `release` (SIGKILL) at moments spread over a whole release of both templates in a stand-in world of its own, and looks after
 * each one whether the next run finishes and nothing at all is left. Run by hand, on the built program:
 * node --import tsx test/kills.ts [MOMENTS] [PROGRAM]
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../src/manifest/entry";
import { endWorlds, enterWorld } from "./e2e/own-world";
import { resetWorld, state, type WorldState } from "./e2e/world";

const REPOSITORY = resolve(import.meta.dirname, "..");
const MOMENTS = Number(process.argv[2] ?? 60);
const VERSION = "0.20.0";
const TEMPLATES = ["alpine", "debian"];
/** How long what a killed run had started itself (bl, a build) may go on, in ms. */
const SETTLE_MS = 20_000;
// Longer than the deploy waits for a change that Blaxel may not show (3 minutes).
const LIMIT_MS = 300_000;

const PROGRAM = resolve(process.argv[3] ?? join(REPOSITORY, "dist/mesa-template.js"));

const place = mkdtempSync(join(tmpdir(), "kills-"));
const [root, temporary] = [join(place, "root"), join(place, "tmp")];
const pids = new Set<number>();

interface Ran {
  readonly code: number | null;
  readonly ms: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the release, and kills it after some time if that is given. */
async function release(more: readonly string[], killAfterMs?: number): Promise<Ran> {
  const begun = Date.now();
  const args = [PROGRAM, "release", VERSION, "--root", root, "--json", ...more];
  const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: temporary } });
  if (child.pid !== undefined) pids.add(child.pid);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs ?? LIMIT_MS);
  const code = await new Promise<number | null>((done) => child.once("exit", done));
  clearTimeout(timer);
  return { code, ms: Date.now() - begun, stdout, stderr };
}

function manifest(): Manifest | undefined {
  const file = join(root, "dockerfiles/manifest.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined;
}

/** Asks the world again where its server has closed the connection that stood open since the round before. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  return ask().catch(ask);
}

const worldState = (): Promise<WorldState> => patiently(state);

/** What is recorded and was not proven, in words. */
async function unproven(): Promise<readonly string[]> {
  const { images } = await worldState();
  const known = new Set(images.flatMap(({ name, tags }) => tags.map((tag) => `${name}:${tag}`)));
  return Object.values(manifest()?.versions ?? {}).flatMap(({ id, status, image, smoke, deployments }) => {
    const deployment = deployments["world"];
    const { verification } = deployment ?? {};
    const wrong = [
      status === "verified" ? [] : `it is ${status}`,
      smoke.imageId === image.id && smoke.failed === 0 && smoke.passed > 0
        ? []
        : "its image did not pass smoke",
      known.has(deployment?.image ?? "") ? [] : "Blaxel does not have its image",
      verification?.image === deployment?.image && verification?.failed === 0
        ? []
        : "its deployment was not verified",
    ];
    return wrong.flat().map((what) => `${id}: ${what}`);
  });
}

function docker(...args: readonly string[]): readonly string[] {
  return execFileSync("docker", args, { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

/** What the killed runs, or those after them, made and did not take away. */
async function left(): Promise<readonly string[]> {
  const ours = (line: string): boolean => pids.has(Number(/ [0-9a-f]{12}-(\d+)-/u.exec(line)?.[1]));
  const marked = ["--format", '{{.ID}} {{.Label "mesa-template.process"}}'];
  const inputs = Object.values(manifest()?.versions ?? {}).map(({ inputsDigest }) => inputsDigest);
  const world = await worldState();
  const names = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
  return [
    ...docker("ps", "-a", ...marked)
      .filter(ours)
      .map((line) => `container ${line}`),
    ...docker("network", "ls", ...marked)
      .filter(ours)
      .map((line) => `network ${line}`),
    ...docker("images", "-aq", "--filter", "label=mesa-template.process")
      .map((id) => `${id} ${markOf(id)}`)
      .filter(ours)
      .map((line) => `image ${line}`),
    ...docker(
      "images",
      "--format",
      "{{.Repository}}:{{.Tag}}",
      "--filter",
      `label=mesa-template.version=alpine@${VERSION}`,
    )
      .filter(
        (name) => name.includes("-replaced-") && inputs.some((digest) => name.includes(digest.slice(7, 19))),
      )
      .map((name) => `image ${name}`),
    ...inputs.flatMap((digest) =>
      docker(
        "images",
        "-q",
        "--filter",
        "dangling=true",
        "--filter",
        `label=mesa-template.inputs=${digest}`,
      ).map((id) => `untagged image ${id}`),
    ),
    ...world.sandboxes
      .filter(({ name }) => !TEMPLATES.includes(name.replace("mesa-", "")))
      .map(({ name }) => `sandbox ${name}`),
    ...world.keys
      .filter((key) => key.revoked_at === null && key.name !== "admin")
      .map(({ name }) => `credential ${name}`),
    ...world.repos.filter(({ name }) => name !== "demo").map(({ name }) => `repository ${name}`),
    ...names(temporary).map((name) => `temporary ${name}`),
    ...names(root)
      .filter((name) =>
        /\.tmp$|\.lock$|\.stale|deploy-pending|(?:deployment|verification)-/u.test(basename(name)),
      )
      .map((name) => `file ${name}`),
    ...processes().map((line) => `process ${line}`),
  ];
}

/** The mark of the process that made an image; "" where the image is gone. */
function markOf(id: string): string {
  const label = '{{index .Config.Labels "mesa-template.process"}}';
  return spawnSync("docker", ["inspect", "--format", label, id], { encoding: "utf8" }).stdout.trim();
}

/** Processes that have our folder for temporary files in their environment. */
function processes(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        const its = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
        return its.includes(`TMPDIR=${temporary}`)
          ? [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")]
          : [];
      } catch {
        return [];
      }
    });
}

/** What is still left once it had time to end by itself. */
async function leftInTheEnd(): Promise<readonly string[]> {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    const found = await left();
    if (found.length === 0 || Date.now() > until) return found;
    await sleep(500);
  }
}

function forgetRoot(): void {
  for (const name of ["dockerfiles", ".mesa-template"])
    rmSync(join(root, name), { recursive: true, force: true });
}

function lastStages(stderr: string): string {
  const stage = (template: string): string =>
    stderr
      .split("\n")
      .findLast((line) => line.includes(`] ${template}: `))
      ?.replace(/^\S+ /u, "")
      .slice(0, 60) ?? "-";
  return TEMPLATES.map(stage).join(" | ");
}

/** How a round begins. `first`: nothing is there; `force`: all is verified; `twice`: the same, and the successor is killed, too. */
const WAYS = ["first", "first", "force", "first", "first", "twice"] as const;

/** @returns what was wrong; undefined and the time it took: the release ended before it was to be killed */
async function round(
  way: (typeof WAYS)[number],
  atMs: number,
): Promise<{ readonly problems: readonly string[] | undefined; readonly ms: number }> {
  if (way === "first") {
    await patiently(resetWorld);
    forgetRoot();
  }
  const killed = await release(way === "first" ? [] : ["--force"], atMs);
  if (killed.code !== null) return { problems: undefined, ms: killed.ms };
  const problems: string[] = [...(await unproven()).map((what) => `after the kill: ${what}`)];
  if (way === "twice") await release([], 150 + (atMs % 900));
  problems.push(...(await unproven()).map((what) => `after the second kill: ${what}`));
  const next = await release([]);
  if (next.code !== 0)
    problems.push(`the next run ended with ${String(next.code)}: ${next.stderr.slice(-1_500)}`);
  problems.push(...(await unproven()), ...(await leftInTheEnd()));
  if (Object.keys(manifest()?.versions ?? {}).length !== TEMPLATES.length)
    problems.push("a version is missing");
  console.log(
    `${way} at ${String(atMs)} ms: ${problems.length === 0 ? "ok" : "FAULT"} (${lastStages(killed.stderr)})`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  return { problems, ms: killed.ms };
}

enterWorld("kills");
let faults = 0;
try {
  mkdirSync(temporary);
  mkdirSync(root);
  cpSync(join(REPOSITORY, "templates"), join(root, "templates"), { recursive: true });
  // Inputs that nobody else on this engine has: whose image is whose is told by them.
  for (const template of TEMPLATES)
    appendFileSync(join(root, `templates/${template}/Dockerfile.hbs`), `# ${basename(place)}\n`);
  await patiently(resetWorld);
  const lengths = { first: 0, force: 0, twice: 0 };
  for (const way of ["first", "force"] as const) {
    const whole = await release(way === "first" ? [] : ["--force"]);
    if (whole.code !== 0)
      throw new Error(`a release that nobody kills ended with ${String(whole.code)}: ${whole.stderr}`);
    lengths[way] = whole.ms;
  }
  lengths.twice = lengths.force;
  console.log(
    `a whole release: ${String(lengths.first)} ms, with --force ${String(lengths.force)} ms; left: ${(await leftInTheEnd()).join(", ")}`,
  );
  for (let count = 0; count < MOMENTS; count += 1) {
    const way = WAYS[count % WAYS.length] ?? "first";
    // In an order in which those that came so far are always spread over the whole.
    const moment = (count * 37) % MOMENTS;
    const at = (): number => Math.round(((moment + 0.5) / MOMENTS) * lengths[way] * 0.97);
    let ended = await round(way, at());
    // The machine may be faster than when a whole release was timed.
    while (ended.problems === undefined) {
      lengths[way] = ended.ms;
      ended = await round(way, at());
    }
    if (ended.problems.length > 0) faults += 1;
  }
  console.log(`${String(MOMENTS)} kills, ${String(faults)} with faults`);
} finally {
  rmSync(place, { recursive: true, force: true });
  endWorlds(/^kills$/u);
}
process.exitCode = faults === 0 ? 0 : 1;
