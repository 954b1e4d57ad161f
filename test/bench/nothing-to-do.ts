import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseByHand, removeByHand, type Mirrors } from "./by-hand";
import { atLeast, atMost, sideBySide, timed, type Row } from "./measure";

/** A release of both templates with nothing left to do, against a script that does all of it again with the engine's cache. */
export function rows(mirrors: Mirrors): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const words = ["dist/mesa-template.js", "release", "0.20.0", "--no-deploy", "--root", root];
    timed(process.execPath, words);
    const script = join(root, "by-hand.sh");
    writeFileSync(script, releaseByHand(root, mirrors));
    const [bare, ours, theirs] = sideBySide(5, [
      () => timed(process.execPath, ["-e", "0"]),
      () => timed(process.execPath, words),
      () => timed("bash", [script]),
    ]) as [number, number, number];
    return [
      atMost("make template, nothing to do", ours, bare, 2.5, "node -e 0"),
      atLeast(
        "make template, nothing to do: against a script",
        ours,
        theirs,
        20,
        "cached docker build, run and 20 execs of each",
      ),
    ];
  } finally {
    removeByHand();
    rmSync(root, { recursive: true, force: true });
  }
}
