import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const MAIN = resolve(import.meta.dirname, "../world/main.ts");
/** The tests' own world; several runs side by side each need one of their own: MESA_TEMPLATE_WORLD_DIR. */
const DIR = resolve(
  process.env["MESA_TEMPLATE_WORLD_DIR"] ?? join(import.meta.dirname, "../../.test-work/world"),
);

function world(command: string, stdio: "inherit" | "pipe"): string {
  const env = { ...process.env, MESA_TEMPLATE_WORLD_DIR: DIR };
  const result = spawnSync(process.execPath, ["--import", "tsx", MAIN, command], {
    env,
    stdio: ["ignore", stdio === "pipe" ? "pipe" : "inherit", "inherit"],
    encoding: "utf8",
  });
  if (result.status !== 0)
    throw new Error(`The world did not ${command} (exit ${String(result.status)}). ${lastWords()}`);
  return result.stdout ?? "";
}

/** The end of the world's log: a runner's report that is cut shows its errors, and nothing of what came before. */
function lastWords(): string {
  try {
    return `Its log ends with:\n${readFileSync(join(DIR, "world.log"), "utf8").slice(-3_000)}`;
  } catch {
    return "It has no log.";
  }
}

/**
 * Starts a world of the tests' own, points the tests at it, and ends it afterwards. The program is built first, so that tests run
 * what users run; MESA_TEMPLATE_BUILT says that it is built, where others use it at this moment.
 */
export function setup(): () => void {
  if (process.env["MESA_TEMPLATE_BUILT"] === undefined)
    execFileSync(process.execPath, ["scripts/build.mjs"], {
      cwd: resolve(import.meta.dirname, "../.."),
      stdio: "inherit",
    });
  world("start", "inherit");
  for (const line of world("env", "pipe").split("\n")) {
    const [, name, value] = /^export (\w+)="(.*)"$/u.exec(line) ?? [];
    if (name !== undefined) process.env[name] = (value ?? "").replace("$PATH", process.env["PATH"] ?? "");
  }
  const released = mkdtempSync(join(tmpdir(), "mesa-template-released-"));
  process.env["TESTS_RELEASED_ROOT"] = released;
  return () => {
    world("down", "inherit");
    rmSync(released, { recursive: true, force: true });
  };
}
