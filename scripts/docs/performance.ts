import { readFileSync } from "node:fs";
import type { Results } from "../../test/bench/results";
import { MADE, table } from "./markdown";

/** docs/performance.md: what `make bench` measured last. */
export function performancePage(file: string): string {
  const { machine, rows } = JSON.parse(readFileSync(file, "utf8")) as Results;
  const shown = rows.map(({ name, ours, theirs, ratio, goal, met }) => [
    name,
    number(ours, name),
    theirs === null ? "–" : number(theirs, name),
    ratio === null ? "–" : `${String(ratio)}×`,
    goal,
    met ? "yes" : "**no**",
  ]);
  const missed = rows
    .filter(({ met }) => !met)
    .map(({ name, note }) => `- **${name}**${note === undefined ? "" : `: ${note}`}`);
  return [
    MADE,
    "# Performance",
    `\`make bench\` measures both sides in one run, on the same engine and images, and writes \`bench/results.json\`; \`make bench ROW=smoke\` measures one row and writes nothing. The numbers are medians, on ${machine}.`,
    table(["what", "ours", "theirs", "ratio", "goal", "met"], shown),
    ...(missed.length === 0 ? [] : ["Where a goal was missed:", missed.join("\n")]),
    "How the cost grows, and what takes over where one machine ends: [scale.md](scale.md).",
  ].join("\n\n");
}

/** Milliseconds, except for rows that name another unit. */
function number(value: number, name: string): string {
  if (/\bMB\b|layers/u.test(name)) return String(value);
  return value < 1000 ? `${String(Math.round(value))} ms` : `${(value / 1000).toFixed(1)} s`;
}
