import { expect, it } from "vitest";
import type { Change, Comparison } from "../../../src/compare/comparison";
import { summaryText } from "../../../src/compare/summary";

const changes = (count: number, change: (at: number) => Change): Change[] =>
  Array.from({ length: count }, (_, at) => change(at));
const layers = { from: [], to: [] };
const built: NonNullable<Comparison["built"]> = {
  packages: [
    ...changes(40, (at) => ({ name: `gone-${String(at)}`, from: "1", to: null })),
    ...changes(60, (at) => ({ name: `newer-${String(at)}`, from: "1", to: "2" })),
    { name: "fresh", from: null, to: "1" },
  ],
  files: { added: ["/a"], removed: [], changed: [], setuid: { added: ["/usr/bin/su"], removed: [] } },
  environment: [{ name: "OLD_HOME", from: "/x", to: null }],
  config: [{ name: "entrypoint", from: '["/a"]', to: '["/b"]' }],
  sizeBytes: { from: 1000, to: 1000 },
  layers,
  smoke: [
    {
      name: "mounts",
      from: { outcome: "passed", durationMs: 9000 },
      to: { outcome: "skipped", durationMs: 1 },
    },
    { name: "slow", from: { outcome: "passed", durationMs: 9000 }, to: { outcome: "passed", durationMs: 1 } },
  ],
};
const comparison: Comparison = {
  from: "debian@0.20.0-1",
  to: "debian@0.46.0-1",
  inputs: changes(12, (at) => ({ name: `input ${String(at)}`, from: "a", to: "b" })),
  generation: {
    from: { name: "config", forPeople: "mesa -c FILE mount" },
    to: { name: "token", forPeople: "MESA_ACCESS_TOKEN, mesa mount -d" },
  },
  rendered: [{ file: "Dockerfile", patch: "--- a/Dockerfile\n+++ b/Dockerfile\n-old\n+new\n+more\n" }],
  built,
};

it("begins with what breaks, and takes about twenty lines", () => {
  const lines = summaryText(comparison).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(26);
  const at = (words: RegExp): number => lines.findIndex((line) => words.test(line));
  const changed = at(/^What changes/u);
  for (const words of [
    /mount command and its credential change/u,
    /removed packages: gone-0 1, .* and 28 more/u,
    /removed variables: OLD_HOME/u,
    /entrypoint: /u,
    /gained setuid or setgid: \/usr\/bin\/su/u,
  ]) {
    expect(at(words), String(words)).toBeGreaterThan(0);
    expect(at(words), String(words)).toBeLessThan(changed);
  }
  expect(lines.join("\n")).toMatch(/packages: 1 added, 60 changed/u);
  expect(lines.join("\n")).toMatch(/Dockerfile \(\+2 -1\)/u);
  expect(lines.join("\n")).toMatch(/check mounts: passed → skipped/u);
});

it("leaves out times, and what is the same", () => {
  const text = summaryText(comparison);
  expect(text).not.toMatch(/ ms|slow|±0|size:/u);
  expect(text).toMatch(/--full/u);
  const same = { ...comparison, inputs: [], generation: null, rendered: [], built: null };
  expect(summaryText(same)).toMatch(/no differences/u);
});
