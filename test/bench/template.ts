import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseByHand, removeByHand, type Mirrors } from "./by-hand";
import { atLeast, atMost, longRuns, sideBySide, timed, type Row } from "./measure";

/**
 * Both templates without caches and without what was downloaded before: against a script that builds, starts and asks one after the
 * other, and against the slower template alone.
 */
export function rows(mirrors: Mirrors): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const words = ["dist/mesa-template.js", "release", "0.20.0", "--no-deploy", "--force", "--root", root];
    const release =
      (...args: readonly string[]): (() => number) =>
      () => {
        rmSync(join(root, ".mesa-template"), { recursive: true, force: true });
        return timed(process.execPath, [...words, ...args]);
      };
    // Once before: the base images are then there for all alike, and the script has Dockerfiles to build.
    release()();
    const script = join(root, "by-hand.sh");
    writeFileSync(script, releaseByHand(root, mirrors, "--no-cache"));
    const [both, byHand, debian, alpine] = sideBySide(
      longRuns(),
      [
        release(),
        () => timed("bash", [script]),
        release("--template", "debian"),
        release("--template", "alpine"),
      ],
      0,
    ) as [number, number, number, number];
    return [
      {
        ...atLeast("make template, cold", both, byHand, 1, "docker build, run and 20 execs of each"),
        note: "--no-deploy; ours locks, renders, scans, runs every check and a mount, and writes records and SBOMs",
      },
      {
        ...atMost("make template, cold: both", both, Math.max(debian, alpine), 1.15, "the slower one alone"),
        note: `debian alone ${String(Math.round(debian))} ms, alpine alone ${String(Math.round(alpine))} ms`,
      },
    ];
  } finally {
    removeByHand();
    rmSync(root, { recursive: true, force: true });
  }
}
