import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareDebianVersions, mesaVersionOf } from "../../../src/apt/debian-version";
import { onPath } from "../lock/fixture/on-path";

describe("the Mesa version a package stands for", () => {
  it.each([
    ["0.20.0", "0.20.0"],
    ["0.20.0-1", "0.20.0"],
    ["0.20.0-0ubuntu1", "0.20.0"],
    ["1:0.20.0-1.1", "0.20.0"],
    ["0.21.0~alpha.1", "0.21.0-alpha.1"],
    ["0.21.0~alpha.1-2", "0.21.0-alpha.1"],
    ["0.21.0-alpha.1", "0.21.0-alpha.1"],
  ])("%s is %s", (debian, mesa) => {
    expect(mesaVersionOf(debian)).toBe(mesa);
  });
});

describe("the order of Debian versions", () => {
  const ordered = [
    "0.9.0",
    "0.20.0~alpha.1",
    "0.20.0~rc1",
    "0.20.0",
    "0.20.0-1",
    "0.20.0-1.1",
    "0.20.0-2",
    "0.20.0-10",
    "0.20.1",
    "0.100.0",
    "1.0~",
    "1.0",
    "1.0a",
    "1.0+b",
    "1:0.1",
  ];

  it("is that of Policy §5.6.12", () => {
    expect([...ordered].reverse().sort(compareDebianVersions)).toEqual(ordered);
  });

  it.runIf(onPath("dpkg"))("is dpkg's", () => {
    const part = fc.oneof(
      fc.constantFrom("0", "0~", "1", "1~"),
      fc.stringMatching(/^[0-9][0-9a-z.+~]{0,6}$/u),
    );
    const version = fc
      .tuple(fc.option(fc.nat(3)), part, fc.option(part))
      .map(
        ([epoch, upstream, revision]) =>
          `${epoch === null ? "" : `${String(epoch)}:`}${upstream}${revision === null ? "" : `-${revision}`}`,
      );
    const pairs = fc.sample(fc.tuple(version, version), 100);
    const script = `while read -r a b; do dpkg --compare-versions "$a" lt "$b" && echo older || echo not; done`;
    const { stdout } = spawnSync("sh", ["-c", script], {
      input: pairs.map((pair) => `${pair.join(" ")}\n`).join(""),
      encoding: "utf8",
    });
    const ours = pairs.map(([a, b]) => (compareDebianVersions(a, b) < 0 ? "older" : "not"));
    const shown = (verdicts: readonly string[]): readonly string[] =>
      pairs.map(([a, b], index) => `${a} than ${b}: ${verdicts[index] ?? ""}`);
    expect(shown(ours)).toEqual(shown(stdout.trimEnd().split("\n")));
  });
});
