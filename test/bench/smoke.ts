import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, sideBySide, timed, type Row } from "./measure";

/** 20 command tests, as container-structure-test files hold them. */
function structureTests(): string {
  const tests = Array.from(
    { length: 20 },
    (_, index) =>
      `  - name: command ${String(index)}\n    command: sh\n    args: ["-c", "test -d /etc && echo ${String(index)}"]\n    expectedOutput: ["${String(index)}"]\n`,
  );
  return `schemaVersion: 2.0.0\ncommandTests:\n${tests.join("")}`;
}

/** The newest image of a template. */
function imageOf(template: string): string {
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const listed = execFileSync("docker", ["images", ...format, `mesa-template/${template}`], {
    encoding: "utf8",
  });
  return listed.split("\n")[0] ?? "";
}

/** 20 command tests on each of both templates, in a few executions; a container each; and an execution each. */
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
      writeFileSync(path, `set -e\n${images.map(forEach).join("")}`);
      return () => timed("bash", [path]);
    };
    const each = (image: string): string =>
      `for i in $(seq 20); do docker run --rm --entrypoint sh ${image} -c "test -d /etc && echo $i" >/dev/null; done\n`;
    const one = (image: string): string =>
      `id=$(docker run -d --rm --init --entrypoint sleep ${image} 600)\nfor i in $(seq 20); do docker exec "$id" sh -c "test -d /etc && echo $i" >/dev/null; done\ndocker rm -f "$id" >/dev/null\n`;
    const command = ["smoke", ...images.flatMap((image) => ["--image", image]), "--structure-tests", file];
    const [ours, perContainer, perExec] = sideBySide(5, [
      () => timed(process.execPath, ["dist/mesa-template.js", ...command]),
      script("each.sh", each),
      script("one.sh", one),
    ]) as [number, number, number];
    return [
      atLeast(
        "smoke: 20 checks × 2 templates against a container each",
        ours,
        perContainer,
        10,
        "40 × docker run",
      ),
      atLeast("smoke: 20 checks × 2 templates against an exec each", ours, perExec, 3, "40 × docker exec"),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
