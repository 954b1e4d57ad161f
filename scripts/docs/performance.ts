import { readFileSync } from "node:fs";
import type { Row } from "../../test/bench/measure";
import { MADE, table } from "./markdown";

const GOALS_MISSED: Readonly<Record<string, string>> = {
  "start → API answers → mounted, alpine":
    "the stand-in world's apk installs from this machine in no time; on Blaxel's stock image it fetches 6 packages over the network first.",
  "release of 4 Mesa versions × 2 templates":
    "the processor is the floor. Both cores were busy for 46 of 47 core-seconds, 20 of them in the builds' own steps; the release also runs its checks and a mount and writes a record and an SBOM, where the script runs `true` twenty times.",
  "lock with a warm cache":
    "nothing is fetched; what is left is loading Node, OpenPGP and fetch, which is the processor's share too.",
};

interface Results {
  readonly machine: string;
  readonly rows: readonly Row[];
}

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
  const missed = rows.filter(({ met }) => !met).map(({ name }) => name);
  return [
    MADE,
    "# Performance",
    `\`make bench\` measures both sides in one run, on the same engine and images, and writes \`bench/results.json\`; \`make bench ROW=smoke\` measures one row. The numbers are medians of at least five runs, on ${machine}.`,
    table(["what", "ours", "theirs", "ratio", "goal", "met"], shown),
    ...(missed.length === 0
      ? []
      : ["Where a goal was missed:", missed.map((name) => `- **${name}**: ${reason(name)}`).join("\n")]),
    "How the cost grows, and what takes over where one machine ends: [scale.md](scale.md).",
  ].join("\n\n");
}

function reason(name: string): string {
  if (name.startsWith("manifest of"))
    return "the file is one JSON document, which is read and checked whole. The processor is the floor.";
  return GOALS_MISSED[name] ?? "see the run's notes.";
}

/** Milliseconds, except for rows that name another unit. */
function number(value: number, name: string): string {
  if (/\bMB\b|layers/u.test(name)) return String(value);
  return value < 1000 ? `${String(Math.round(value))} ms` : `${(value / 1000).toFixed(1)} s`;
}
