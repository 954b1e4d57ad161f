import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, sideBySide, timed, type Row } from "./measure";
import { perContainerScript, perExecScript, structureTests } from "./smoke-tests";

/** The newest image of a template. */
function imageOf(template: string): string {
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const listed = execFileSync("docker", ["images", ...format, `mesa-template/${template}`], {
    encoding: "utf8",
  });
  return listed.split("\n")[0] ?? "";
}

/** How often each side is measured: 82 containers one after the other take half a minute. */
const RUNS = 5;

/**
 * 20 command tests, 20 file tests and a metadata test on each of both templates, held against two ways in which scripts do the
 * same: a container for each test, and one container of the image with an execution for each.
 */
export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    timed(process.execPath, ["dist/mesa-template.js", "build", "0.20.0", "--root", root]);
    const images = [imageOf("alpine"), imageOf("debian")];
    const file = join(root, "tests.yaml");
    writeFileSync(file, structureTests());
    const script = (name: string, forEach: (image: string) => string): (() => number) => {
      const path = join(root, name);
      writeFileSync(path, `set -eo pipefail\n${images.map(forEach).join("")}`);
      return () => timed("bash", [path]);
    };
    const named = images.flatMap((image) => ["--image", image]);
    const ours = (): number =>
      timed(process.execPath, ["dist/mesa-template.js", "smoke", ...named, "--structure-tests", file]);
    // The page cache is then warm for all alike.
    ours();
    const sides = [ours, script("container.sh", perContainerScript), script("exec.sh", perExecScript)];
    const [batched, perContainer, perExec] = sideBySide(RUNS, sides, 0) as [number, number, number];
    const name = "smoke: 41 structure tests × 2 templates against";
    return [
      atLeast(`${name} a container each`, batched, perContainer, 10, "82 tests, a docker run each"),
      atLeast(`${name} an exec each`, batched, perExec, 3, "82 tests, a docker exec each"),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
