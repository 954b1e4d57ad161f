import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { environmentOf } from "../world/running";

const MAIN = resolve(import.meta.dirname, "../world/main.ts");
/** The tests' own worlds, one for each worker. */
export const WORLDS = resolve(import.meta.dirname, "../../.test-work/worlds");

/** Runs a command of a world. One world starts after the other: the first makes the images that all use. */
function run(folder: string, command: "start" | "down"): boolean {
  const words = ["--import", "tsx", MAIN, command];
  const { status } = spawnSync("flock", ["-o", join(WORLDS, "starting"), process.execPath, ...words], {
    env: { ...process.env, MESA_TEMPLATE_WORLD_DIR: folder },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return status === 0;
}

/** Ends the worlds with these names. */
export function endWorlds(names: RegExp): void {
  for (const name of readdirSync(WORLDS)) if (names.test(name)) run(join(WORLDS, name), "down");
}

/** The end of the world's log: a runner's report that is cut shows its errors, and nothing of what came before. */
function lastWords(folder: string): string {
  try {
    return `Its log ends with:\n${readFileSync(join(folder, "world.log"), "utf8").slice(-3_000)}`;
  } catch {
    return "It has no log.";
  }
}

/** Points this process at a world, and starts that for the first who comes. */
export function enterWorld(name: string): void {
  const folder = join(WORLDS, name);
  mkdirSync(folder, { recursive: true });
  if (environmentOf(folder) === undefined && !run(folder, "start"))
    throw new Error(`The world did not start. ${lastWords(folder)}`);
  Object.assign(process.env, environmentOf(folder), {
    PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
    TESTS_RELEASED_ROOT: join(process.env["TESTS_RELEASED"] ?? "", name),
  });
}

const worker = process.env["VITEST_POOL_ID"];
if (worker !== undefined) enterWorld(worker);
