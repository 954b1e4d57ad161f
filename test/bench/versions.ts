import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseByHand, removeByHand, type Mirrors } from "./by-hand";
import { atLeast, longRuns, sideBySide, timed, type Row } from "./measure";

const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0"];

/** Four Mesa versions of both templates, released at once, against a script that does one after the other. */
export function rows(mirrors: Mirrors): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const program = `${process.execPath} dist/mesa-template.js`;
    // The locks are made before, for both sides: the script has no step for them.
    for (const version of VERSIONS) {
      timed(process.execPath, ["dist/mesa-template.js", "lock", version, "--root", root]);
      timed(process.execPath, ["dist/mesa-template.js", "render", version, "--root", root]);
    }
    const script = join(root, "by-hand.sh");
    writeFileSync(script, releaseByHand(root, mirrors));
    const ours = `pids=(); for v in ${VERSIONS.join(" ")}; do ${program} release $v --no-deploy --force --root ${root} & pids+=($!); done; for pid in "\${pids[@]}"; do wait "$pid" || exit 1; done`;
    // The base images are there before, for both alike.
    timed(process.execPath, ["dist/mesa-template.js", "build", "0.20.0", "--root", root]);
    const sides = [() => timed("bash", ["-c", ours]), () => timed("bash", [script])];
    const [together, byHand] = sideBySide(longRuns(), sides, 0) as [number, number];
    return [
      {
        ...atLeast(
          "release of 4 Mesa versions × 2 templates",
          together,
          byHand,
          2.5,
          "one after the other by a shell script",
        ),
        note: "both without cache; the release has 34 checks, a mount, a record and an SBOM where the script has 20 × docker exec true. Its floor is the processor: seen busy for 46 of the 47 core-seconds that the two cores had",
      },
    ];
  } finally {
    removeByHand();
    rmSync(root, { recursive: true, force: true });
  }
}
