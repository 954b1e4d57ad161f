import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Row } from "./measure";

const FILE = "bench/results.json";

/** This machine, in a few words. */
export function machine(): string {
  const gigabytes = String(Math.round(totalmem() / 2 ** 30));
  return `${cpus()[0]?.model ?? "unknown"}, ${String(cpus().length)} cores, ${gigabytes} GiB, Node ${process.versions.node}`;
}

/** What bench/results.json holds. */
export interface Results {
  readonly machine: string;
  readonly rows: readonly Row[];
}

/** Rows beside those of other names that were measured on the same machine: of another one, none can stand beside them. */
export function withRows(before: Results | undefined, here: string, rows: readonly Row[]): Results {
  const kept = before?.machine === here ? before.rows : [];
  return {
    machine: here,
    rows: [...kept.filter((row) => !rows.some((fresh) => fresh.name === row.name)), ...rows],
  };
}

/** Writes rows into bench/results.json; those of other names that are there from this machine stay, unless all are written anew. */
export function record(rows: readonly Row[], anew: boolean): void {
  const before = !anew && existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Results) : undefined;
  mkdirSync("bench", { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(withRows(before, machine(), rows), null, 2)}\n`);
}

/** The rows as the README shows them: a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(({ name, ours, theirs, ratio, goal, met, note }) => {
    const cells = [name, String(ours), String(theirs ?? "–"), String(ratio ?? "–"), goal];
    return `| ${[...cells, `${met ? "yes" : "no"}${note === undefined ? "" : ` (${note})`}`].join(" | ")} |`;
  });
  return ["| what | ours | theirs | ratio | goal | met |", "|---|---|---|---|---|---|", ...lines, ""].join(
    "\n",
  );
}
