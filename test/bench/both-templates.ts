import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, longRuns, sideBySide, timed, type Row } from "./measure";

/** Both templates at once against the slower one alone: what overlaps costs nothing. Without cache and without what was downloaded before. */
export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const release =
      (...args: readonly string[]): (() => number) =>
      () => {
        rmSync(join(root, ".mesa-template"), { recursive: true, force: true });
        return timed(process.execPath, [
          "dist/mesa-template.js",
          "release",
          "0.20.0",
          "--no-deploy",
          "--force",
          "--root",
          root,
          ...args,
        ]);
      };
    // Once before: the base images are then there, for all alike.
    release()();
    const each = [release(), release("--template", "debian"), release("--template", "alpine")];
    const [both, debian, alpine] = sideBySide(longRuns(), each, 0) as [number, number, number];
    return [
      {
        ...atMost(
          "release of both templates, cold",
          both,
          Math.max(debian, alpine),
          1.15,
          "the slower one alone",
        ),
        note: `--no-deploy; debian alone ${String(Math.round(debian))} ms, alpine alone ${String(Math.round(alpine))} ms`,
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
