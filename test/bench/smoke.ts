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

export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    timed(process.execPath, [
      "dist/mesa-template.js",
      "build",
      "0.20.0",
      "--template",
      "alpine",
      "--root",
      root,
    ]);
    const image =
      execFileSync("docker", ["images", "--format", "{{.Repository}}:{{.Tag}}", "mesa-template/alpine"], {
        encoding: "utf8",
      }).split("\n")[0] ?? "";
    const file = join(root, "tests.yaml");
    writeFileSync(file, structureTests());
    const each = join(root, "each.sh");
    writeFileSync(
      each,
      `set -e\nfor i in $(seq 20); do docker run --rm --entrypoint sh ${image} -c "test -d /etc && echo $i" >/dev/null; done\n`,
    );
    const one = join(root, "one.sh");
    writeFileSync(
      one,
      `set -e\nid=$(docker run -d --rm --init --entrypoint sleep ${image} 600)\nfor i in $(seq 20); do docker exec "$id" sh -c "test -d /etc && echo $i" >/dev/null; done\ndocker rm -f "$id" >/dev/null\n`,
    );
    const [ours, perContainer, perExec] = sideBySide(5, [
      () =>
        timed(process.execPath, [
          "dist/mesa-template.js",
          "smoke",
          "--image",
          image,
          "--structure-tests",
          file,
        ]),
      () => timed("bash", [each]),
      () => timed("bash", [one]),
    ]) as [number, number, number];
    return [
      atLeast("smoke: 20 command tests against a container each", ours, perContainer, 10, "20 × docker run"),
      atLeast("smoke: 20 command tests against an exec each", ours, perExec, 3, "20 × docker exec"),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
