import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, round, sideBySide, timed, type Row } from "./measure";

export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const lock = (): number =>
      timed(process.execPath, ["dist/mesa-template.js", "lock", "0.20.0", "--relock", "--root", root]);
    const [bare, cold, warm] = sideBySide(5, [
      () => timed(process.execPath, ["-e", "0"]),
      () => {
        rmSync(join(root, ".mesa-template"), { recursive: true, force: true });
        return lock();
      },
      lock,
    ]) as [number, number, number];
    return [
      {
        ...atLeast("lock with a warm cache", warm, cold, 5, "a cold one"),
        note: `upstream is on this machine, so a cold lock has no network to wait for; of both, ${String(round(bare))} ms are node itself`,
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
