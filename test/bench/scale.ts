import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sample } from "./scale-run";
import { round, type Row } from "./measure";

const VERSIONS = 100;
const TSX = ["--import", "tsx"];

/** 100 Mesa versions × 10 templates, locked and rendered in one process: its memory, and what one more costs at the end. */
export async function rows(): Promise<readonly Row[]> {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  const upstream = spawn(process.execPath, [...TSX, "test/bench/scale-upstream.ts", String(VERSIONS)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    mkdirSync(join(root, "templates"));
    cpSync("templates/partials", join(root, "templates/partials"), { recursive: true });
    for (let index = 0; index < 10; index += 1)
      cpSync("templates/debian", join(root, `templates/t${String(index)}`), { recursive: true });
    const [line] = (await once(upstream.stdout, "data")) as [Buffer];
    const output = execFileSync(
      process.execPath,
      [
        "--expose-gc",
        ...TSX,
        "test/bench/scale-run.ts",
        root,
        line.toString("utf8").trim(),
        String(VERSIONS),
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
    return rowsFrom(
      output
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text) as Sample),
    );
  } finally {
    upstream.stdin.end();
    await once(upstream, "exit");
    rmSync(root, { recursive: true, force: true });
  }
}

function rowsFrom(samples: readonly Sample[]): readonly Row[] {
  const at = (done: number): Sample =>
    samples.find((sample) => sample.done === done) ?? (samples[0] as Sample);
  const last = samples.at(-1) as Sample;
  const [early, earlyMs, lastMs] = [at(200), at(200).ms / 100, last.ms / 100];
  return [
    {
      name: `scale: heap after ${String(last.done)} locks and renderings against after 200 (MB)`,
      ours: round(last.heapMb),
      theirs: round(early.heapMb),
      ratio: round(last.heapMb / early.heapMb),
      goal: "flat: ≤ 1.2×",
      met: last.heapMb <= early.heapMb * 1.2,
      note: `resident ${String(Math.round(early.rssMb))} → ${String(Math.round(last.rssMb))} MB`,
    },
    {
      name: `scale: one lock and rendering, the last 100 of ${String(last.done)} against 100 to 200 (ms)`,
      ours: round(lastMs),
      theirs: round(earlyMs),
      ratio: round(lastMs / earlyMs),
      goal: "does not grow: ≤ 1.2×",
      met: lastMs <= earlyMs * 1.2,
    },
  ];
}
