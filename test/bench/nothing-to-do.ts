import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, atMost, sideBySide, timed, type Row } from "./measure";

/** What a shell script does instead: two cached builds, a container each, 20 executions, away with it. */
function shellScript(root: string): string {
  const lines = ["set -e", "export DOCKER_BUILDKIT=0"];
  for (const template of readdirSync(join(root, "dockerfiles"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    lines.push(
      `docker build -q --build-arg MIRROR="$MIRROR" --build-arg DEB_MIRROR="$DEB_MIRROR" -t bench-${template.name} ${root}/dockerfiles/${template.name}/0.20.0 >/dev/null 2>&1`,
      `id=$(docker run -d --rm --init bench-${template.name})`,
      'for i in $(seq 20); do docker exec "$id" true; done',
      'docker rm -f "$id" >/dev/null',
    );
  }
  return `${lines.join("\n")}\n`;
}

export function rows(mirrors: { readonly images: string; readonly packages: string }): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    timed(process.execPath, ["dist/mesa-template.js", "release", "0.20.0", "--root", root, "--no-deploy"]);
    const script = join(root, "by-hand.sh");
    writeFileSync(script, shellScript(root));
    const env = { ...process.env, MIRROR: mirrors.images, DEB_MIRROR: mirrors.packages };
    timed("bash", [script], env);
    const [bare, ours, theirs] = sideBySide(5, [
      () => timed(process.execPath, ["-e", "0"]),
      () =>
        timed(process.execPath, [
          "dist/mesa-template.js",
          "release",
          "0.20.0",
          "--root",
          root,
          "--no-deploy",
        ]),
      () => timed("bash", [script], env),
    ]) as [number, number, number];
    return [
      atMost("release with nothing to do", ours, bare, 2.5, "node -e 0"),
      atLeast(
        "release with nothing to do against a shell script",
        ours,
        theirs,
        20,
        "cached builds, runs, 20 execs",
      ),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
