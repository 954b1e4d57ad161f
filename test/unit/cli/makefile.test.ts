import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REPOSITORY } from "./fixture/built";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "makefile-"));
  writeFileSync(join(folder, "show"), '#!/bin/bash\nprintf "<%s>" "$@"\n', { mode: 0o755 });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What `make template` hands to the program. */
function template(
  makefile: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  writeFileSync(join(folder, "Makefile"), makefile);
  const run = spawnSync("make", ["-o", "build", "template", `${program}=./show`, ...args], {
    cwd: folder,
    // Bash reads ~/.bashrc where its input is a socket.
    env: { PATH: process.env["PATH"], HOME: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  return run.stdout + run.stderr;
}

describe.each([
  ["the Makefile here", readFileSync(join(REPOSITORY, "Makefile"), "utf8"), "CLI"],
  [
    "the Makefile that init writes",
    readFileSync(join(REPOSITORY, "examples/Makefile"), "utf8"),
    "MESA_TEMPLATE",
  ],
])("%s", (_name, makefile, program) => {
  const hostile = [
    "`touch ran`",
    "$(touch ran)",
    "$(shell touch ran)",
    "$$(touch ran)",
    "'; touch ran; '",
    '"; touch ran; "',
    "0.20.0\ntouch ran",
    "${IFS}|touch ran",
  ];
  it.each(hostile)("passes %j on unchanged and executes nothing in it", (value) => {
    for (const said of [
      template(makefile, program, [`MESA_VERSION=${value.replaceAll("$", "$$$$")}`]),
      template(makefile, program, [`MESA_VERSION=${value}`]),
      template(makefile, program, [], { MESA_VERSION: value }),
      template(makefile, program, ["MESA_VERSION=0.20.0", `ARGS=${value}`]),
      template(makefile, program, ["MESA_VERSION=0.20.0"], { ARGS: value }),
    ]) {
      expect(said).toContain("<release>");
      expect(existsSync(join(folder, "ran"))).toBe(false);
    }
    expect(template(makefile, program, [], { MESA_VERSION: value })).toContain(`<${value}>`);
  });

  it("splits ARGS at blanks and expands no pattern", () => {
    expect(template(makefile, program, ["MESA_VERSION=0.20.0", "ARGS=--template debian --checks *"])).toBe(
      "<release><0.20.0><--template><debian><--checks><*>",
    );
  });

  it("lists every target that has a description", () => {
    writeFileSync(join(folder, "Makefile"), makefile);
    const { stdout } = spawnSync("make", ["help"], { cwd: folder, encoding: "utf8" });
    for (const [, target = ""] of makefile.matchAll(/^([a-z0-9-]+):.*## /gmu))
      expect(stdout).toContain(`  make ${target} `);
  });

  it("asks for the version if it is missing", () => {
    expect(template(makefile, program, [])).toContain("Which Mesa version?");
  });
});
