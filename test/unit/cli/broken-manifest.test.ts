import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/manifest/entry";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { entryOf, manifestOf, promote } from "../manifest/fixture";
import { workFolder } from "./fixture/built";
import { writeManifest } from "./fixture/program";
import { IDENTITY, runMain } from "./fixture/run-main";

const work = workFolder("broken-manifest");
const good = canonicalJson(
  promote(
    manifestOf(entryOf("alpine", "0.20.0"), entryOf("debian", "0.20.0"), entryOf("debian", "0.26.0")),
    ["debian@0.20.0-1"],
    "stable",
    { at: "2026-02-01T00:00:00.000Z", by: "x" },
  ),
);

afterAll(work.remove);

/** The text with one entry's lines put there a second time, further to the right: valid JSON that hides a version. */
function twice(text: string): string {
  const begin = text.indexOf('    "debian@0.20.0-1": {');
  const entry = text.slice(begin, text.indexOf("\n    }", begin) + 6);
  return text.slice(0, begin) + entry.replaceAll(/^/gmu, "  ") + ",\n" + text.slice(begin);
}

const BROKEN: Readonly<Record<string, string>> = {
  "an empty file": "",
  "a truncated file": good.slice(0, Math.floor(good.length * 0.7)),
  "a file without its last brace": good.slice(0, -2),
  "wrong types": good.replace('"revision": 1', '"revision": "1"'),
  "a version that does not exist": good.replace('"mesaVersion": "0.26.0"', '"mesaVersion": "banana"'),
  "a list": "[]",
  null: "null",
  "a number too large": good.replace('"sizeBytes": 1000', '"sizeBytes": 1e999'),
  "a duplicate id": twice(good),
  "a duplicate id on one line": good.replace('"versions": {', '"versions": {"debian@0.20.0-1": {},'),
  "a duplicate channel": good.replace('"stable": "debian', '"stable": "debian@0.26.0-1", "stable": "debian'),
  "git conflict markers": good.replace(
    '\n  "versions"',
    '\n<<<<<<< ours\n=======\n>>>>>>> theirs\n  "versions"',
  ),
  "conflict markers with CRLF": good
    .replace('\n  "versions"', '\n<<<<<<< ours\n=======\n>>>>>>> theirs\n  "versions"')
    .replaceAll("\n", "\r\n"),
  "a byte order mark": `\uFEFF${good}`,
  "something deep": good.replace(
    '"history"',
    `"deep": ${"[".repeat(20_000)}${"]".repeat(20_000)},\n  "history"`,
  ),
  "something deep that ends": "[".repeat(50_000),
  "something huge": `${good.slice(0, -3)},"x":"${"y".repeat(3_000_000)}`,
  "a newer major version": good.replace('"schemaVersion": "2.0"', '"schemaVersion": "3.0"'),
  "a version that never was": good.replace('"schemaVersion": "2.0"', '"schemaVersion": "0.9"'),
};

const LIST = ["list", "--json"];
const PROMOTE = ["promote", "debian@0.26.0-1", "stable"];
const COMMANDS: readonly (readonly string[])[] = [
  LIST,
  PROMOTE,
  ["show", "debian@0.20.0-1"],
  ["resolve", "stable"],
  ["rollback", "stable"],
  ["revoke", "debian@0.20.0-1", "--reason", "r", "--rollback"],
  ["history"],
  ["channels"],
  ["manifest", "check"],
  ["gc", "--yes"],
  ["report", "--no-drift"],
];

describe("a manifest that cannot be trusted", () => {
  async function refused(
    what: string,
    text: string,
    commands: readonly (readonly string[])[],
  ): Promise<void> {
    const root = join(work.folder, what.replaceAll(" ", "-"));
    const file = writeManifest(root, text);
    const answers = await Promise.all(commands.map((command) => runMain([...command, "--root", root])));
    answers.forEach(({ code, stdout, stderr }, at) => {
      const where = commands[at]?.join(" ") ?? "";
      expect([2, 8], `${where}: ${stdout}${stderr}`).toContain(code);
      expect(`${stdout}${stderr}`, where).toMatch(/manifest\.json, line \d+/u);
      expect(`${stdout}${stderr}`, where).not.toMatch(/^\s+at .*:\d+:\d+/mu);
      expect(stderr.length, where).toBeLessThan(2_000);
    });
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(readdirSync(join(root, "dockerfiles"))).toEqual(["manifest.json"]);
  }

  it.each(Object.entries(BROKEN))(
    "with %s is refused with the line, by what reads it and by what writes it, and stays as it is",
    (what, text) => refused(what, text, [LIST, PROMOTE]),
  );

  it.each(["a truncated file", "a duplicate id"])(
    "with %s is refused by every command",
    (what) => refused(`${what} for all`, BROKEN[what] ?? "", COMMANDS),
    60_000,
  );

  it("names the very line", async () => {
    const root = join(work.folder, "line");
    const lines = good.split("\n");
    const line = lines.findLastIndex((one) => one.includes('"revision": 1'));
    for (const [value, words] of [
      ['"one"', "versions → debian@0.26.0-1 → revision"],
      ["one", "it is not JSON (Unexpected token 'o'"],
      ["1;", "it is not JSON (Expected ',' or '}'"],
    ] as const) {
      lines[line] = `      "revision": ${value},`;
      writeManifest(root, lines.join("\n"));
      const { stderr } = await runMain(["list", "--root", root]);
      expect(stderr).toContain(`manifest.json, line ${String(line + 1)}: ${words}`);
    }
  });

  it("is read when only its line ends are another system's, and written as always", async () => {
    const root = join(work.folder, "crlf");
    const file = writeManifest(root, good.replaceAll("\n", "\r\n"));
    expect((await runMain(["promote", "debian@0.26.0-1", "stable", "--root", root])).code).toBe(0);
    expect(readFileSync(file, "utf8")).not.toContain("\r");
  });

  it("is a folder, or cannot be held: that is said", async () => {
    const root = join(work.folder, "folder");
    writeManifest(join(root, "dockerfiles/manifest.json"), "");
    const { code, stderr } = await runMain(["list", "--root", root]);
    expect([code, stderr]).toEqual([8, expect.stringContaining("it is a folder")]);
  });

  it("damaged anywhere, at random, never shows a stack and is never changed by reading", async () => {
    const root = join(work.folder, "random");
    const file = writeManifest(root, good);
    const damage = fc
      .tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 40 }), fc.string({ maxLength: 8 }))
      .map(([at, length, text]) => good.slice(0, at) + text + good.slice(at + length));
    await fc.assert(
      fc.asyncProperty(damage, async (text) => {
        writeFileSync(file, text);
        const { code, stdout, stderr } = await runMain(["list", "--root", root]);
        expect([0, 8], stderr).toContain(code);
        expect(`${stdout}${stderr}`).not.toMatch(/^\s+at .*:\d+:\d+/mu);
        expect(readFileSync(file, "utf8")).toBe(text);
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

it("a manifest that is named is checked outside a project", async () => {
  const file = writeManifest(join(work.folder, "elsewhere"), good);
  const none = join(work.folder, "no-project");
  mkdirSync(none);
  expect(await runMain(["manifest", "check", file, "--root", none])).toMatchObject({ code: 0, stderr: "" });
  expect((await runMain(["manifest", "check", "--root", none])).code).toBe(2);
});

it("a manifest with conflict markers is merged by the commands that are named", async () => {
  const root = join(work.folder, "conflict");
  const file = writeManifest(root, JSON.parse(good) as Manifest);
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-C", root, ...args], { env: { ...process.env, ...IDENTITY }, encoding: "utf8" });
  const commit = async (...args: readonly string[]): Promise<void> => {
    expect((await runMain([...args, "--root", root])).code).toBe(0);
    git("commit", "--quiet", "--all", "--message", args.join(" "));
  };
  git("init", "--quiet", "--initial-branch", "main");
  git("add", ".");
  git("commit", "--quiet", "--message", "first");
  git("checkout", "--quiet", "-b", "other");
  await commit("promote", "debian@0.26.0-1", "canary");
  git("checkout", "--quiet", "main");
  await commit("promote", "debian@0.20.0-1", "edge", "--create");
  expect(() => git("merge", "--quiet", "other")).toThrow("merge");
  const { code, stderr } = await runMain(["list", "--root", root]);
  const [, show = "", checkout = "", merge = ""] =
    /dockerfiles\/: (.*) && (.*) && mesa-template (.*)\n/u.exec(stderr) ?? [];
  expect([code, merge]).toEqual([8, "manifest merge theirs.json"]);
  execFileSync("sh", ["-c", `${show} && ${checkout}`], { cwd: root, stdio: "pipe" });
  const merged = await runMain(["manifest", "merge", join(root, "theirs.json"), "--root", root]);
  expect([merged.code, merged.stderr]).toEqual([0, ""]);
  expect((JSON.parse(readFileSync(file, "utf8")) as Manifest).channels["debian"]).toEqual({
    canary: "debian@0.26.0-1",
    edge: "debian@0.20.0-1",
    stable: "debian@0.20.0-1",
  });
});
