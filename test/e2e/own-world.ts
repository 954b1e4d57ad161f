import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const MAIN = resolve(import.meta.dirname, "../world/main.ts");
/** The tests' own worlds, one for each worker. */
export const WORLDS = resolve(import.meta.dirname, "../../.test-work/worlds");

/** Runs a command of a world. One world starts after the other: the first makes the images that all use. */
function ask(
  folder: string,
  command: "start" | "env" | "down",
): { readonly ok: boolean; readonly said: string } {
  const one = [process.execPath, "--import", "tsx", MAIN, command];
  const words = command === "start" ? ["flock", join(WORLDS, "starting"), ...one] : one;
  const result = spawnSync(words[0] ?? "", words.slice(1), {
    env: { ...process.env, MESA_TEMPLATE_WORLD_DIR: folder },
    stdio: ["ignore", "pipe", command === "env" ? "ignore" : "inherit"],
    encoding: "utf8",
  });
  return { ok: result.status === 0, said: result.stdout };
}

/** Starts a world that is not up. @returns the export lines that point at it */
function startIfDown(folder: string): string {
  const before = ask(folder, "env");
  if (before.ok) return before.said;
  if (!ask(folder, "start").ok) throw new Error(`The world did not start. ${lastWords(folder)}`);
  return ask(folder, "env").said;
}

/** Ends the worlds with these names. */
export function endWorlds(names: RegExp): void {
  for (const name of readdirSync(WORLDS)) if (names.test(name)) ask(join(WORLDS, name), "down");
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
  for (const line of startIfDown(folder).split("\n")) {
    const [, name, value] = /^export (\w+)="(.*)"$/u.exec(line) ?? [];
    if (name !== undefined) process.env[name] = (value ?? "").replace("$PATH", process.env["PATH"] ?? "");
  }
  process.env["TESTS_RELEASED_ROOT"] = join(process.env["TESTS_RELEASED"] ?? "", name);
}

const worker = process.env["VITEST_POOL_ID"];
if (worker !== undefined) enterWorld(worker);
