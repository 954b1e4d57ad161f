import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { canonicalJson } from "../../src/support/text/canonical-json";
import { entryOf, manifestOf, promote, rollback } from "../unit/manifest/fixture";
import { startBrowser, type Browser } from "./browser";
import { mesaTemplate } from "./program";

const folder = mkdtempSync(join(tmpdir(), "report-test-"));
const page = `file://${join(folder, "report.html")}`;
let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
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
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The text somebody sees: what styles hide is not in it. */
async function seen(): Promise<string> {
  return browser.evaluate<string>("document.body.innerText");
}

async function colours(): Promise<{ readonly ink: number; readonly paper: number }> {
  const brightness = (property: string): string =>
    `getComputedStyle(document.body)["${property}"].match(/\\d+/g).slice(0,3).reduce((a,b)=>a+Number(b),0)/3`;
  return browser.evaluate(`({ink:${brightness("color")},paper:${brightness("backgroundColor")}})`);
}

/** How far anything stands out of the window or of the card that it is in, in pixels; hidden or scrolled to, it would be cut off. */
async function overflow(): Promise<number> {
  return browser.evaluate(
    "Math.max(document.documentElement.scrollWidth-window.innerWidth,...[...document.querySelectorAll('.card *')].map(e=>e.getBoundingClientRect().right-e.closest('.card').getBoundingClientRect().right),0)",
  );
}

it("is one file without scripts or anything from outside", () => {
  const html = readFileSync(join(folder, "report.html"), "utf8");
  expect(html).not.toMatch(/<script|<link|<iframe|<img|@import|url\(|\bon\w+=/u);
  expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org)/u);
});

it("shows channels, moves with their reasons, versions, sizes, times and drift in a real browser", async () => {
  await browser.open(page, { width: 1100 });
  const text = await seen();
  expect(text).toMatch(/debian\s+stable\s+debian@0\.20\.0-1\s+verified\s+sandbox\/mesa-debian:tag0200r1/u);
  expect(text).toContain("stable of debian: debian@0.26.0-1 → debian@0.20.0-1 (rollback: mounts time out)");
  expect(text).toContain("2026-02-03 10:00 UTC · Ada <ada@example.invalid>");
  expect(text).toContain("<script>alert(1)</script>");
  expect(text).toMatch(/alpine@0\.26\.0-1\s+failed\s.*deploy failed: it failed/u);
  for (const title of ["Size over versions", "Smoke times", "Packages changed", "Open drift"])
    expect(text).toContain(title);
  expect(text).toContain("it has no lock");
  const lanes = await browser.evaluate<string[]>(
    "[...document.querySelectorAll('.lanes .label')].map(e=>e.textContent)",
  );
  expect(lanes).toEqual(["alpine stable", "debian stable"]);
  const bars = await browser.evaluate<number[]>(
    "[...document.querySelectorAll('.bar')].map(e=>e.getBoundingClientRect().width)",
  );
  expect(bars.length).toBe(4 + 4 + 4);
  expect(Math.min(...bars)).toBeGreaterThan(0);
});

it.each([
  ["on a desktop", { width: 1100 }],
  ["in the dark", { width: 1100, scheme: "dark" }],
  ["on a phone", { width: 390 }],
  ["on a phone in the dark", { width: 390, scheme: "dark" }],
  ["on paper", { width: 760, print: true }],
  ["on paper, printed from a dark screen", { width: 760, print: true, scheme: "dark" }],
] as const)("can be read %s", async (name, looking) => {
  await browser.open(page, looking);
  const { ink, paper } = await colours();
  const dark = "scheme" in looking && !("print" in looking);
  expect(dark ? ink - paper : paper - ink).toBeGreaterThan(150);
  expect(await overflow()).toBeLessThanOrEqual(0);
  expect(await seen()).toContain("sandbox/mesa-alpine:tag0200r1");
  const file = join(folder, `${name.replaceAll(/\W+/gu, "-")}.png`);
  await browser.screenshot(file);
  expect(statSync(file).size).toBeGreaterThan(20_000);
  const keep = process.env["KEEP_SCREENSHOTS"];
  if (keep !== undefined) cpSync(file, join(keep, `report-${name.replaceAll(/\W+/gu, "-")}.png`));
});

it("omits drift with --no-drift, and sends no request", async () => {
  const ran = await mesaTemplate(["report", "--root", folder, "--no-drift", "--json"]);
  expect(ran.json()).toMatchObject({ ok: true });
  await browser.open(page, { width: 1100 });
  expect(await seen()).not.toContain("Open drift");
});
