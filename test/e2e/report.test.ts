import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { canonicalJson } from "../../src/support/canonical-json";
import { promote } from "../../src/manifest/promote";
import { rollback } from "../../src/manifest/rollback";
import { entryOf, manifestOf } from "../unit/manifest/fixture";
import { mesaTemplate } from "./program";

const folder = mkdtempSync(join(tmpdir(), "report-test-"));
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--user-data-dir=${join(folder, "profile")}`,
];

/** Chromium from Debian's packages; installed where that may be done. */
function chromium(): string {
  if (spawnSync("which", ["chromium"]).status !== 0)
    execFileSync(
      "bash",
      [
        "-c",
        "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null",
      ],
      { stdio: "inherit", timeout: 300_000 },
    );
  return "chromium";
}

beforeAll(async () => {
  chromium();
  mkdirSync(join(folder, "dockerfiles"), { recursive: true });
  let manifest = manifestOf(
    entryOf("debian", "0.20.0"),
    entryOf("debian", "0.26.0"),
    entryOf("alpine", "0.20.0"),
    entryOf("alpine", "0.26.0", 1, "failed"),
  );
  const facts = { at: "2026-02-01T10:00:00.000Z", by: "Ada <ada@example.invalid>" };
  manifest = promote(manifest, ["debian@0.20.0-1", "alpine@0.20.0-1"], "stable", facts);
  manifest = promote(manifest, ["debian@0.26.0-1"], "stable", {
    ...facts,
    at: "2026-02-02T10:00:00.000Z",
    reason: "<script>alert(1)</script>",
  });
  manifest = rollback(manifest, ["debian"], "stable", {
    ...facts,
    at: "2026-02-03T10:00:00.000Z",
    reason: "mounts time out",
  });
  writeFileSync(join(folder, "dockerfiles/manifest.json"), canonicalJson(manifest));
  const ran = await mesaTemplate(["report", "--root", folder]);
  expect(ran.code, ran.stderr).toBe(0);
}, 400_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("is one file without scripts or anything from outside", () => {
  const page = readFileSync(join(folder, "report.html"), "utf8");
  expect(page).not.toMatch(/<script|<link|https?:\/\/(?!www\.w3\.org)|@import/u);
});

it("shows channels, moves with their reasons, and versions in a real browser", () => {
  const dom = execFileSync(chromium(), [...FLAGS, "--dump-dom", `file://${join(folder, "report.html")}`], {
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(dom).toContain("mounts time out");
  expect(dom).toMatch(/<strong>stable<\/strong><\/td><td>debian@0\.20\.0-1/u);
  expect(dom).not.toContain("<script>alert");
});

it.each([
  ["desktop", "1200,1600"],
  ["phone", "390,1600"],
])("can be looked at on a %s", (name, size) => {
  const file = join(folder, `${name}.png`);
  execFileSync(
    chromium(),
    [...FLAGS, `--screenshot=${file}`, `--window-size=${size}`, `file://${join(folder, "report.html")}`],
    { timeout: 60_000, stdio: "ignore" },
  );
  expect(statSync(file).size).toBeGreaterThan(20_000);
  if (process.env["KEEP_SCREENSHOTS"] !== undefined)
    execFileSync("cp", [file, process.env["KEEP_SCREENSHOTS"]]);
});
