import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import type { Row } from "./measure";
import { machine, markdown, record } from "./results";

// make bench [ROW=name]: both sides are measured in one run on this machine; results go to bench/results.json and as a table to stdout.
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

const ROWS: Readonly<
  Record<string, (mirrors: { readonly images: string; readonly packages: string }) => Promise<readonly Row[]>>
> = {
  "start-up": async () => (await import("./start-up")).rows(),
  manifest: async () => (await import("./manifest")).rows(),
  "nothing-to-do": async (mirrors) => (await import("./nothing-to-do")).rows(mirrors),
  lock: async () => (await import("./lock")).rows(),
  smoke: async () => (await import("./smoke")).rows(),
  image: async (mirrors) => (await import("./image")).rows(mirrors),
  mount: async (mirrors) => (await import("./mount")).rows(mirrors),
  both: async () => (await import("./both-templates")).rows(),
  versions: async (mirrors) => (await import("./versions")).rows(mirrors),
  scale: async () => (await import("./scale")).rows(),
};

const wanted = process.argv[2];
if (wanted !== undefined && ROWS[wanted] === undefined) {
  process.stderr.write(`There is no row ${wanted}; there are: ${Object.keys(ROWS).join(", ")}\n`);
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
for (const [name, measure] of Object.entries(ROWS)) {
  if (wanted !== undefined && name !== wanted) continue;
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
  record(rows, wanted === undefined);
}
process.stdout.write(`${machine()}\n\n${markdown(rows)}`);
process.exitCode = failed ? 1 : 0;
