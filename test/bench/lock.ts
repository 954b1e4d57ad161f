import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, round, sideBySide, timed, type Row } from "./measure";

const [ROUND_TRIP_MS, MEGABITS] = ["20", "100"] as const;

/** A lock resolved anew with everything fetched before (it is asked for again, and has not changed) against one with nothing. */
export async function rows(): Promise<readonly Row[]> {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  const upstream = spawn(
    process.execPath,
    ["--import", "tsx", "test/bench/lock-upstream.ts", ROUND_TRIP_MS, MEGABITS],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const [line] = (await once(upstream.stdout, "data")) as [Buffer];
    const [near, behind] = JSON.parse(line.toString("utf8")) as [string, string];
    const lock = (upstreamFile: string, cold: boolean) => (): number => {
      if (cold) rmSync(join(root, ".mesa-template"), { recursive: true, force: true });
      const command = ["lock", "0.20.0", "--relock", "--template", "debian", "--upstream", upstreamFile];
      return timed(process.execPath, ["dist/mesa-template.js", ...command, "--root", root]);
    };
    const sides = [lock(behind, true), lock(behind, false), lock(near, true), lock(near, false)];
    const [cold, warm, coldNear, warmNear] = sideBySide(5, sides) as [number, number, number, number];
    return [
      {
        ...atLeast("lock with a warm cache", warm, cold, 5, "a cold one"),
        note: `a .deb of 17 MB behind ${ROUND_TRIP_MS} ms and ${MEGABITS} Mbit/s; with no network to wait for, ${String(round(warmNear))} against ${String(round(coldNear))} ms: Node, OpenPGP and fetch being loaded are in both`,
      },
    ];
  } finally {
    upstream.stdin.end();
    await once(upstream, "exit");
    rmSync(root, { recursive: true, force: true });
  }
}
