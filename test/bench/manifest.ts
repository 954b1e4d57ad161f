import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { canonicalJson } from "../../src/support/text/canonical-json";
import { entryOf, manifestOf } from "../unit/manifest/fixture";
import { round, sideBySide, timed, type Row } from "./measure";

const LIMIT_MS = 600;

/** The most memory that Node held while it ran a program, in kilobytes. */
function peakMemory(args: readonly string[]): number {
  const tell = 'process.on("exit",()=>process.stderr.write(String(process.resourceUsage().maxRSS)))';
  const { stderr } = spawnSync(process.execPath, ["--import", `data:text/javascript,${tell}`, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  return Number(stderr.trim().split("\n").at(-1));
}

export function rows(): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    mkdirSync(join(root, "dockerfiles"), { recursive: true });
    const entries = Array.from({ length: 10_000 }, (_, index) =>
      entryOf(
        `t${String(index % 10)}`,
        `0.${String(Math.floor(index / 10) % 100)}.${String(Math.floor(index / 1000))}`,
      ),
    );
    writeFileSync(join(root, "dockerfiles/manifest.json"), canonicalJson(manifestOf(...entries)));
    const command =
      (...args: readonly string[]): (() => number) =>
      () =>
        timed(process.execPath, ["dist/mesa-template.js", ...args, "--root", root]);
    const [list, show, resolve, promote] = sideBySide(5, [
      command("list"),
      command("show", "t3@0.50.5-1"),
      command("resolve", "t3@0.50.5-1"),
      command("promote", "t3@0.50.5-1", "stable"),
    ]) as [number, number, number, number];
    const kilobytes = peakMemory(["dist/mesa-template.js", "list", "--root", root]);
    const row = (name: string, ours: number): Row => ({
      name: `manifest of 10,000 versions: ${name}`,
      ours: round(ours),
      theirs: null,
      ratio: null,
      goal: `≤ ${String(LIMIT_MS)} ms`,
      met: ours <= LIMIT_MS,
    });
    return [
      row("list", list),
      row("show", show),
      row("resolve", resolve),
      row("promote", promote),
      {
        name: "manifest of 10,000 versions: memory of list (MB)",
        ours: round(kilobytes / 1000),
        theirs: null,
        ratio: null,
        goal: "≤ 250 MB",
        met: kilobytes <= 250_000,
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
