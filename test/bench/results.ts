import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Row } from "./measure";

const FILE = "bench/results.json";

/** This machine, in a few words. */
export function machine(): string {
  const gigabytes = String(Math.round(totalmem() / 2 ** 30));
  return `${cpus()[0]?.model ?? "unknown"}, ${String(cpus().length)} cores, ${gigabytes} GiB, Node ${process.versions.node}`;
}

/** What bench/results.json holds: what one run on one machine measured. */
export interface Results {
  readonly machine: string;
  readonly rows: readonly Row[];
}

/** Writes bench/results.json anew, of which docs/performance.md is made. */
export function record(rows: readonly Row[]): void {
  const results: Results = { machine: machine(), rows };
  mkdirSync("bench", { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
}

/** The rows as a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(({ name, ours, theirs, ratio, goal, met, note }) => {
    const cells = [name, String(ours), String(theirs ?? "–"), String(ratio ?? "–"), goal];
    return `| ${[...cells, `${met ? "yes" : "no"}${note === undefined ? "" : ` (${note})`}`].join(" | ")} |`;
  });
  return ["| what | ours | theirs | ratio | goal | met |", "|---|---|---|---|---|---|", ...lines, ""].join(
    "\n",
  );
}
