import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { endWorlds, WORLDS } from "./own-world";

/**
 * Before all end-to-end tests: builds the program, so that tests run what users run; MESA_TEMPLATE_BUILT says that it is built, where
 * others use it at this moment. Afterwards: ends the worlds that the workers started.
 */
export function setup(): () => void {
  if (process.env["MESA_TEMPLATE_BUILT"] === undefined)
    execFileSync(process.execPath, ["scripts/build.mjs"], {
      cwd: resolve(import.meta.dirname, "../.."),
      stdio: "inherit",
    });
  mkdirSync(WORLDS, { recursive: true });
  const released = mkdtempSync(join(tmpdir(), "mesa-template-released-"));
  process.env["TESTS_RELEASED"] = released;
  return () => {
    endWorlds(/^\d+$/u);
    rmSync(released, { recursive: true, force: true });
  };
}
