import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import type { Row } from "./measure";
import { machine, markdown, record } from "./results";

// make bench: both sides are measured in one run on this machine; results go to bench/results.json and as a table to stdout.
// make bench ROW=name: one row, to stdout alone.
const WORLD = ["--import", "tsx", "test/world/main.ts"];

function pointAtWorld(): { readonly images: string; readonly packages: string } {
  const started = spawnSync(process.execPath, [...WORLD, "start"], { stdio: "inherit" });
  if (started.status !== 0) throw new Error("The world did not start.");
  const lines = spawnSync(process.execPath, [...WORLD, "env"], { encoding: "utf8" }).stdout;
  for (const line of lines.split("\n")) {
    const [, name, value] = /^export (\w+)="(.*)"$/u.exec(line) ?? [];
    if (name !== undefined) process.env[name] = (value ?? "").replace("$PATH", process.env["PATH"] ?? "");
  }
  const { mirrors } = parse(readFileSync(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "", "utf8")) as {
    mirrors: { images: string; packages: string };
  };
  return mirrors;
}

type Measure = (mirrors: {
  readonly images: string;
  readonly packages: string;
}) => readonly Row[] | Promise<readonly Row[]>;

/** What a user feels. */
const ROWS: Readonly<Record<string, Measure>> = {
  "start-up": async () => (await import("./start-up")).rows(),
  "nothing-to-do": async (mirrors) => (await import("./nothing-to-do")).rows(mirrors),
  template: async (mirrors) => (await import("./template")).rows(mirrors),
  image: async (mirrors) => (await import("./image")).rows(mirrors),
  mount: async (mirrors) => (await import("./mount")).rows(mirrors),
  smoke: async () => (await import("./smoke")).rows(),
};

/** What only somebody with ten thousand versions feels: measured by name, and in no document. */
const BY_NAME: Readonly<Record<string, Measure>> = {
  manifest: async () => (await import("./manifest")).rows(),
};

const wanted = process.argv[2];
const measured = Object.entries(wanted === undefined ? ROWS : { ...ROWS, ...BY_NAME }).filter(
  ([name]) => wanted === undefined || name === wanted,
);
if (measured.length === 0) {
  const names = Object.keys({ ...ROWS, ...BY_NAME }).join(", ");
  process.stderr.write(`There is no row ${String(wanted)}; there are: ${names}\n`);
  process.exit(2);
}
const missing = ["docker", "curl", "bash"].filter((name) => spawnSync("which", [name]).status !== 0);
if (missing.length > 0) {
  process.stderr.write(`The other sides of the bench need ${missing.join(" and ")}: install them first.\n`);
  process.exit(3);
}
const mirrors = pointAtWorld();
const rows: Row[] = [];
let failed = false;
for (const [name, measure] of measured) {
  const begun = Date.now();
  process.stderr.write(`measuring ${name} …\n`);
  try {
    rows.push(...(await measure(mirrors)));
    process.stderr.write(`measured ${name} in ${String(Math.round((Date.now() - begun) / 1000))} s\n`);
  } catch (error) {
    // The other rows are worth having; make sees that one is missing.
    process.stderr.write(`${name} could not be measured: ${String(error)}\n`);
    failed = true;
  }
}
if (wanted === undefined && !failed) record(rows);
process.stdout.write(`${machine()}\n\n${markdown(rows)}`);
process.exitCode = failed ? 1 : 0;
