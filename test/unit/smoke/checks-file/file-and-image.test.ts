import { describe, expect, it } from "vitest";
import type { HeldFile } from "../../../../src/docker/saved-image/index";
import type { CommandResult, ImageAtRest } from "../../../../src/smoke/check";
import { judgeFile, seenInSandbox, type FileSeen } from "../../../../src/smoke/checks-file/file";
import { judgeImage } from "../../../../src/smoke/checks-file/image";
import type { FileEntry, ImageEntry } from "../../../../src/smoke/checks-file/schema";
import { entryAt } from "../../../../src/smoke/subjects/image-at-rest";

const FILE: FileSeen = {
  kind: "file",
  mode: 0o4755,
  uid: 0,
  gid: 12,
  user: "root",
  group: "man",
  text: "a\nb\n",
};
const LINK: FileSeen = { kind: "symlink", mode: 0o777, uid: 1000, gid: 1000, link: "/data" };

describe("a file check", () => {
  const outcome = (file: Omit<FileEntry["file"], "path">, seen: FileSeen | undefined): string =>
    judgeFile({ name: "a", file: { path: "/x", ...file } }, seen).outcome;

  it.each<readonly [Omit<FileEntry["file"], "path">, FileSeen | undefined, "passed" | "failed"]>([
    [{}, FILE, "passed"],
    [{}, undefined, "failed"],
    [{ exists: false }, undefined, "passed"],
    [{ exists: false }, LINK, "failed"],
    [{ type: "link" }, LINK, "passed"],
    [{ type: "file" }, LINK, "failed"],
    [{ mode: "4755" }, FILE, "passed"],
    [{ mode: 4755 }, FILE, "passed"],
    [{ mode: "0o4755" }, FILE, "passed"],
    [{ mode: "0755" }, FILE, "failed"],
    [{ owner: 0 }, FILE, "passed"],
    [{ owner: "root" }, FILE, "passed"],
    [{ owner: "root:man" }, FILE, "passed"],
    [{ owner: "0:12" }, FILE, "passed"],
    [{ owner: "root:root" }, FILE, "failed"],
    [{ owner: "worker" }, LINK, "failed"],
    [{ link: "/data" }, LINK, "passed"],
    [{ link: "data" }, LINK, "failed"],
    [{ link: "/data" }, FILE, "failed"],
    [{ contents: "(?m)^b$" }, FILE, "passed"],
    [{ contents: { match: "a", not: "b" } }, FILE, "failed"],
    [{ contents: { not: "x" } }, LINK, "failed"],
    [{ mode: "4755", owner: 0, contents: "c" }, FILE, "failed"],
  ])("%j", (file, seen, wanted) => {
    expect(outcome(file, seen)).toBe(wanted);
  });

  it.each([
    ["c.d", /A dot stops/u],
    ["c$", /Output is not trimmed/u],
    [String.raw`c\.d`, undefined],
    ["(?s)c.d", undefined],
  ])("explains why %s may not match", (contents, hint) => {
    const judged = judgeFile({ name: "a", file: { path: "/x", contents } }, FILE);
    if (hint === undefined) expect(judged.hint).toBeUndefined();
    else expect(judged.hint).toMatch(hint);
  });

  it("says what it saw", () => {
    const judged = judgeFile({ name: "a", file: { path: "/x", mode: "0644", owner: 5 } }, FILE);
    expect(judged).toMatchObject({
      expected: "/x: mode 0644; /x: owner 5",
      seen: "mode 4755; owner 0 (root), group 12 (man)",
    });
  });
});

describe("what a sandbox's shell says of a path", () => {
  const ran = (stdout: string, exitCode = 0): CommandResult => ({
    exitCode,
    stdout,
    stderr: "",
    timedOut: false,
    durationMs: 1,
  });

  it("is read as an image at rest is", () => {
    expect(seenInSandbox(ran("89ed 0 12 root man\n\ny\na\nb\n"))).toEqual({ ...FILE, link: undefined });
    expect(seenInSandbox(ran("a1ff 1000 1000 UNKNOWN UNKNOWN\n/data\nn\n"))).toMatchObject(LINK);
    expect(seenInSandbox(ran("43ff 0 0 root root\n\nn\n"))).toMatchObject({
      kind: "directory",
      mode: 0o1777,
    });
    expect(seenInSandbox(ran("", 44))).toBeUndefined();
    expect(() => seenInSandbox(ran("stat: cannot", 1))).toThrow("stat: cannot");
  });
});

describe("a path of an image at rest", () => {
  const held = (path: string, kind: HeldFile["kind"], content = ""): [string, HeldFile] => [
    path,
    { path, kind, mode: 0o755, uid: 0, gid: 0, sizeBytes: 0, content },
  ];
  const files = new Map([
    held("/bin", "symlink", "usr/bin"),
    held("/usr", "directory"),
    held("/usr/bin", "directory"),
    held("/usr/bin/a", "file"),
    held("/usr/bin/b", "symlink", "./a"),
    held("/up", "symlink", "/usr/../usr/bin/b"),
    held("/round", "symlink", "round"),
  ]);
  it.each([
    ["/", "itself", "/"],
    ["/usr/", "itself", "/usr"],
    ["/bin/a", "itself", "/usr/bin/a"],
    ["/bin/b", "itself", "/usr/bin/b"],
    ["/bin/b", "followed", "/usr/bin/a"],
    ["/up", "followed", "/usr/bin/a"],
    ["/round", "followed", undefined],
    ["/usr/none", "itself", undefined],
  ] as const)("%s, %s, is %s", (path, atTheEnd, wanted) => {
    expect(entryAt(files, path, atTheEnd)?.path).toBe(wanted);
  });
});

describe("an image check", () => {
  const config: ImageAtRest["config"] = {
    env: ["PATH=/bin", "EMPTY=", "EQUALS=a=b"],
    labels: { team: "templates", "a.b": "1.2.3" },
    entrypoint: ["/run", "two words"],
    cmd: [],
    user: "",
    workdir: "/work",
    exposedPorts: ["8080/tcp", "53/udp"],
    volumes: ["/vol"],
  };
  const outcome = (image: ImageEntry["image"]): string => judgeImage({ name: "a", image }, config).outcome;

  it.each<ImageEntry["image"]>([
    { env: { PATH: "/bin", EMPTY: "", EQUALS: "a=b", NOWHERE: null } },
    { env: { PATH: { match: "^/b", not: "sbin" } } },
    { labels: { team: "templates", "a.b": { match: ["^1", "3$"] } } },
    { entrypoint: ["/run", "two words"], cmd: [], cwd: "/work", user: "" },
    { ports: [8080, "53/udp"], notPorts: [53, 80], volumes: ["/vol"], notVolumes: ["/vol/"] },
  ])("passes %j", (image) => {
    expect(outcome(image)).toBe("passed");
  });

  it.each<ImageEntry["image"]>([
    { env: { PATH: "/bi" } },
    { env: { PATH: null } },
    { env: { NOWHERE: "" } },
    { env: { NOWHERE: { not: "x" } } },
    { labels: { team: { not: "temp" } } },
    { entrypoint: ["/run two words"] },
    { entrypoint: [] },
    { cmd: ["x"] },
    { ports: [53] },
    { notPorts: [8080] },
    { volumes: ["/vol/"] },
    { notVolumes: ["/vol"] },
    { cwd: "/" },
    { user: "root" },
  ])("fails %j", (image) => {
    expect(outcome(image)).toBe("failed");
  });
});
