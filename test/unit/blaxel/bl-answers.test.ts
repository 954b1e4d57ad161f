import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { sendsBuildSettings, versionIn } from "../../../src/blaxel/bl-version";
import {
  deployAnswer,
  dryRunAnswer,
  imageAnswer,
  jsonIn,
  sandboxAnswer,
} from "../../../src/blaxel/bl-answers";
import { parseRecording } from "../../e2e/stand-ins/bl-recording";

const RECORDINGS = resolve(import.meta.dirname, "../../transcripts/bl");

function stdoutOf(name: string, run: number): string {
  return parseRecording(readFileSync(join(RECORDINGS, `${name}.txt`)))[run]?.stdout ?? "";
}

describe("the JSON of the real bl", () => {
  it.each([
    [
      "get-sandbox",
      0,
      sandboxAnswer,
      [{ status: "DEPLOYED", spec: { runtime: { image: "sandbox/x:abc" } } }],
    ],
    [
      "get-image",
      0,
      imageAnswer,
      [{ metadata: { status: "BUILT" }, spec: { tags: [{ name: "old" }, { name: "abc" }] } }],
    ],
    [
      "deploy-dryrun",
      1,
      dryRunAnswer,
      {
        files: [
          { name: "Dockerfile", size: 169 },
          { name: "blaxel.toml", size: 53 },
        ],
      },
    ],
    ["deploy-dryrun", 2, dryRunAnswer, { dryRun: true }],
    ["deploy-json", 0, deployAnswer, { success: true, resources: [{ name: "x", status: "BUILDING" }] }],
    ["deploy-stdout-noise", 0, deployAnswer, { success: true, resources: [{ name: "x" }] }],
    ["deploy-quota", 1, deployAnswer, { success: false, resources: [{ status: "FAILED" }] }],
    ["deploy-no-upload-url", 1, deployAnswer, { success: true, resources: [{ status: "UPLOADING" }] }],
  ])("%s, run %i, is read", (name, run, schema, expected) => {
    expect(schema.parse(jsonIn(stdoutOf(name, run)))).toMatchObject(expected);
  });

  it.each(["get-errors", "no-workspace"])("%s has none", (name) => {
    expect(jsonIn(stdoutOf(name, 0))).toBeUndefined();
  });

  it("may leave out what the platform does not say", () => {
    expect(sandboxAnswer.safeParse([{ metadata: { name: "x" } }]).success).toBe(true);
    expect(
      sandboxAnswer.safeParse([
        { metadata: { name: "x", url: null }, spec: { runtime: { image: null, envs: null } }, status: "" },
      ]).success,
    ).toBe(true);
    expect(
      imageAnswer.safeParse([{ metadata: { name: "x", events: null }, spec: { tags: null } }]).success,
    ).toBe(true);
  });
});

describe("JSON among prose", () => {
  it.each([
    ["after noise", 'Build args: 2\n[33m{not json\n{\n  "a": 1\n}\n', { a: 1 }],
    ["before noise", '{\n  "a": 1\n}\nbye {}\n', { a: 1 }],
    ["on one line", 'hello\n{"a":1}\n', { a: 1 }],
    ["an empty list", "[]\n", []],
    ["none", "Deployed.\n", undefined],
    ["cut off", '{\n  "a": 1\n', undefined],
  ])("%s", (_what, text, expected) => {
    expect(jsonIn(text)).toEqual(expected);
  });
});

describe("bl's version", () => {
  it.each([
    [stdoutOf("version", 0), "0.1.108"],
    ["bl version dev\n", "dev"],
    ["bl version 0.2.0-rc.1\n", "0.2.0-rc.1"],
    ["bl version 0.2.0 (c47b38a)\n", "0.2.0"],
    ["blaxel version v0.3.0\r\n", "0.3.0"],
    ["bl version dev-c47b38a\n", "dev"],
    ["bl version 0.1.108_dirty\n", "0.1.108"],
    ["bl version 0.1.109-01\n", "0.1.109"],
    ["Error: unknown flag: --version\n", undefined],
  ])("in %j is %s", (text, expected) => {
    expect(versionIn(text)).toBe(expected);
  });
});

describe("what a newer bl sends", () => {
  it.each([
    ["0.1.98", false],
    ["0.1.108", false],
    ["0.1.109", true],
    ["0.2.0-rc.1", true],
    ["dev", true],
  ])("%s sends the builder's settings: %s", (version, sends) => {
    expect(sendsBuildSettings(version)).toBe(sends);
  });
});
