import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";

/** One line of the result: ours against what people would do instead, medians in ms (or other units where the name says so). */
export interface Row {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | null;
  /** theirs / ours where more is better for us, ours / theirs where the goal is an upper bound. */
  readonly ratio: number | null;
  readonly goal: string;
  readonly met: boolean;
  readonly note?: string;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Runs a command and gives its wall time in ms; a command that fails ends the bench. */
export function timed(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): number {
  const begun = performance.now();
  const result = spawnSync(command, [...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  const ms = performance.now() - begun;
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0)
    throw new Error(
      `${command} ${args.join(" ")} exited with ${String(result.status)}: ${result.stderr.toString("utf8").slice(-500)}`,
    );
  return ms;
}

/** How often what takes minutes is measured: 5, or what BENCH_RUNS says. */
export function longRuns(): number {
  return Number(process.env["BENCH_RUNS"] ?? "5");
}

/**
 * Medians of commands measured in turn, so that whatever else the machine does falls on all of them alike. Before that each
 * runs `unmeasured` times.
 */
export function sideBySide(
  runs: number,
  commands: readonly (() => number)[],
  unmeasured = 1,
): readonly number[] {
  const times = commands.map((): number[] => []);
  for (let run = 0; run < runs + unmeasured; run += 1) {
    commands.forEach((command, index) => {
      const ms = command();
      if (run >= unmeasured) times[index]?.push(ms);
    });
  }
  return times.map(median);
}

export const round = (value: number): number => Math.round(value * 100) / 100;

/** A row whose goal is "at most `limit` times theirs". */
export function atMost(name: string, ours: number, theirs: number, limit: number, against: string): Row {
  const ratio = round(ours / theirs);
  return {
    name,
    ours: round(ours),
    theirs: round(theirs),
    ratio,
    goal: `≤ ${String(limit)}× ${against}`,
    met: ratio <= limit,
  };
}

/** A row whose goal is "at least `factor` times faster than theirs". */
export function atLeast(name: string, ours: number, theirs: number, factor: number, against: string): Row {
  const ratio = round(theirs / ours);
  return {
    name,
    ours: round(ours),
    theirs: round(theirs),
    ratio,
    goal: `≥ ${String(factor)}× faster than ${against}`,
    met: ratio >= factor,
  };
}
