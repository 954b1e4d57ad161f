import { describe, expect, it } from "vitest";
import type { ImageConfig } from "../../../../src/docker/index";
import type { Entry } from "../../../../src/smoke/structure/exported-entries";
import type { LookedAt } from "../../../../src/smoke/structure/files-at-rest";
import { judgeCommand } from "../../../../src/smoke/structure/judge-command";
import { judgeContent, judgeExistence } from "../../../../src/smoke/structure/judge-file";
import { judgeMetadata } from "../../../../src/smoke/structure/judge-metadata";
import type { Judged } from "../../../../src/smoke/judged";
import { parseStructureFile, type StructureFile } from "../../../../src/smoke/structure/index";

function fileWith(tests: string): StructureFile {
  return parseStructureFile(`schemaVersion: 2.0.0\n${tests}\n`, "t.yaml");
}

function first<T>(list: readonly T[]): T {
  const [one] = list;
  if (one === undefined) throw new Error("there is none");
  return one;
}

const entry: Entry = { kind: "file", mode: 0o4755, uid: 0, gid: 7, linkname: null };
const config: ImageConfig = {
  env: ["A=1"],
  entrypoint: ["/run"],
  cmd: [],
  user: "",
  workdir: "/work",
  exposedPorts: ["8080/tcp"],
  volumes: [],
};

function command(test: string, exitCode = 0): Judged {
  const { commandTests } = fileWith(`commandTests: [{name: a, command: sh, ${test}}]`);
  return judgeCommand(first(commandTests), {
    exitCode,
    stdout: "out\n",
    stderr: "err\n",
    timedOut: false,
    durationMs: 1,
  });
}

function existence(test: string, found: LookedAt | undefined = entry): Judged {
  const { fileExistenceTests } = fileWith(`fileExistenceTests: [{name: a, path: /x, ${test}}]`);
  return judgeExistence(first(fileExistenceTests), "/x", found);
}

function content(test: string, data: Uint8Array | "directory" | undefined): Judged {
  const { fileContentTests } = fileWith(`fileContentTests: [{name: a, path: /x, ${test}}]`);
  return judgeContent(first(fileContentTests), data);
}

function metadata(test: string): Judged {
  const { metadataTest } = fileWith(`metadataTest: {${test}}`);
  if (metadataTest === undefined) throw new Error("there is none");
  return judgeMetadata(metadataTest, config, new Map([["team", "x"]]), new Map([["A", "1"]]));
}

describe("every verdict tells what was expected and what was seen", () => {
  it.each<readonly [string, () => Judged, string, string, string]>([
    ["command", () => command("exitCode: 3", 3), "passed", "exit code 3", 'exit code 3, stdout "out\\n"'],
    [
      "command, its output",
      () => command('expectedOutput: ["^out$", "out"], exitCode: 0'),
      "failed",
      "stdout to match ^out$",
      'stdout: "out\\n"',
    ],
    [
      "command, its errors",
      () => command('excludedError: ["warn"]'),
      "passed",
      "stderr not to match warn; exit code 0",
      'stderr: "err\\n"',
    ],
    ["existence", () => existence("uid: 0"), "passed", "/x to exist; uid 0", "it does: urwxr-xr-x; uid 0"],
    ["existence, of another group", () => existence("gid: 0"), "failed", "gid 0", "gid 7"],
    [
      "existence, of what must not be",
      () =>
        judgeExistence(
          first(fileWith("fileExistenceTests: [{name: a, path: /x, shouldExist: false}]").fileExistenceTests),
          "/x",
          undefined,
        ),
      "passed",
      "/x not to exist",
      "it does not",
    ],
    [
      "existence, of a named pipe",
      () => existence("permissions: prw-r--r--", { kind: "pipe", mode: 0o644 }),
      "failed",
      "/x to exist",
      "it is a named pipe, which these tests do not see",
    ],
    [
      "existence, of a device that must not be",
      () => existence("shouldExist: false", { kind: "character", mode: 0o644 }),
      "passed",
      "/x not to exist",
      "it is a device",
    ],
    [
      "content",
      () => content('expectedContents: ["b"]', Buffer.from("abc")),
      "passed",
      "/x to be read; /x to match b",
      '3 bytes; /x: "abc"',
    ],
    [
      "content of nothing",
      () => content("expectedContents: []", undefined),
      "failed",
      "/x to be read",
      "there is no such file",
    ],
    [
      "content of a folder",
      () => content("expectedContents: []", "directory"),
      "failed",
      "/x to be a file",
      "it is a directory",
    ],
    [
      "metadata",
      () =>
        metadata(
          'labels: [{key: team, value: x}], exposedPorts: ["8080"], unmountedVolumes: [/v], workdir: /work',
        ),
      "passed",
      "label team to be x; exposed port 8080; no volume /v; workdir /work",
      "label team is x; exposed port: 8080; volume: none; workdir /work",
    ],
    ["metadata, a user", () => metadata("user: root, cmd: []"), "failed", "user root", "no user"],
    [
      "metadata, a variable",
      () => metadata("unboundEnvVars: [{key: A}]"),
      "failed",
      "no variable A",
      "variable A is 1",
    ],
  ])("%s", (_, judge, outcome, expected, seen) => {
    const result = judge();
    expect([result.outcome, result.expected]).toEqual([outcome, expected]);
    expect(result.seen).toContain(seen);
  });

  it("a pattern that is no RE2 fails with the reason, also where it must not match", () => {
    expect(command('excludedOutput: ["a(?=b)"]')).toMatchObject({
      outcome: "failed",
      expected: "stdout compared with a(?=b)",
      hint: expect.stringContaining("look-around") as string,
    });
  });
});
