import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newSince, rescan as scanAgain, SCAN_FILE } from "../../../src/build/rescan";
import { requireScanner, type Vulnerability } from "../../../src/build/scan";
import type { Host } from "../../../src/support/host";
import type { ProcessRequest, ProcessResult } from "../../../src/support/processes/run-process";

const one = (id: string, severity = "high", version = "1"): Vulnerability => ({
  id,
  severity,
  package: "openssl",
  version,
  fixedIn: "",
});

/** A machine with grype (or without it), which finds these. */
function machine(found: readonly Vulnerability[] | undefined): {
  readonly host: Host;
  readonly ran: ProcessRequest[];
} {
  const ran: ProcessRequest[] = [];
  const matches = (found ?? []).map(({ id, severity, package: name, version }) => ({
    vulnerability: { id, severity },
    artifact: { name, version },
  }));
  const run = (request: ProcessRequest): Promise<ProcessResult> => {
    ran.push(request);
    const result = { signal: null, stderr: "", timedOut: false, durationMs: 1 };
    return Promise.resolve(
      found === undefined
        ? { ...result, exitCode: null, stdout: "", spawnError: "ENOENT" }
        : { ...result, exitCode: 0, stdout: JSON.stringify({ matches }) },
    );
  };
  const host = {
    run,
    env: { PATH: "/bin", MESA_API_KEY: "a secret" },
    clock: { now: () => 0 },
    signal: new AbortController().signal,
  } as unknown as Host;
  return { host, ran };
}

/** Scans, and keeps what was found. */
const rescan = async (...of: Parameters<typeof scanAgain>): ReturnType<typeof scanAgain> => {
  const scanned = await scanAgain(...of);
  await scanned.keep();
  return scanned;
};

let folder: string;
let sbom: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rescan-test-"));
  sbom = join(folder, "sbom.cdx.json");
  writeFileSync(sbom, "{}");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("scanning a published version again", () => {
  it("tells what is new since the last scan, once", async () => {
    const first = await rescan(machine([one("CVE-1")]).host, folder, sbom, "low");
    expect(first).toMatchObject({ before: null, found: 1, fresh: [{ id: "CVE-1" }] });
    const { host } = machine([one("CVE-2"), one("CVE-1")]);
    expect(await rescan(host, folder, sbom, "low")).toMatchObject({
      before: "1970-01-01T00:00:00.000Z",
      found: 2,
      fresh: [{ id: "CVE-2" }],
    });
    expect((await rescan(host, folder, sbom, "low")).fresh).toEqual([]);
  });

  it("leaves new what no command has told yet", async () => {
    const { host } = machine([one("CVE-1")]);
    for (const again of [1, 2])
      expect([again, await scanAgain(host, folder, sbom, "low")]).toMatchObject([again, { before: null }]);
  });

  it("reads the SBOM, and hands the scanner no credential", async () => {
    const { host, ran } = machine([]);
    await rescan(host, folder, sbom, "low");
    expect(ran[0]).toMatchObject({ command: "grype", env: { PATH: "/bin" } });
    expect(ran[0]?.args[0]).toBe(`sbom:${sbom}`);
  });

  it("keeps the same bytes for the same findings, in whatever order they come", async () => {
    await rescan(machine([one("b"), one("a")]).host, folder, sbom, "low");
    const kept = readFileSync(join(folder, SCAN_FILE), "utf8");
    await rescan(machine([one("a"), one("b")]).host, folder, sbom, "low");
    expect(readFileSync(join(folder, SCAN_FILE), "utf8")).toBe(kept);
  });

  it("keeps earlier findings without a scanner", async () => {
    await rescan(machine([one("CVE-1")]).host, folder, sbom, "low");
    const kept = readFileSync(join(folder, SCAN_FILE), "utf8");
    const missing = { code: "NO_SCANNER", kind: "environment" };
    await expect(rescan(machine(undefined).host, folder, sbom, "low")).rejects.toMatchObject(missing);
    await expect(requireScanner(machine(undefined).host)).rejects.toMatchObject(missing);
    expect(readFileSync(join(folder, SCAN_FILE), "utf8")).toBe(kept);
  });

  it("does not take a damaged result for a first scan, nor a missing SBOM for a clean one", async () => {
    writeFileSync(join(folder, SCAN_FILE), '{"schemaVersion":1}');
    const { host } = machine([]);
    await expect(rescan(host, folder, sbom, "low")).rejects.toMatchObject({ code: "SCAN_BROKEN" });
    await expect(rescan(host, folder, sbom, "low")).rejects.toThrow(/is not a scan result: \w+: \w/u);
    rmSync(sbom);
    await expect(rescan(host, folder, sbom, "low")).rejects.toMatchObject({ code: "NO_SBOM" });
  });
});

describe("what is new", () => {
  it.each([
    ["what was known is not", [one("a")], [one("a")], []],
    ["what is less severe does not count", [], [one("a", "medium")], []],
    ["what became more severe is", [one("a", "low")], [one("a", "critical")], ["a"]],
    ["the same in another package version is", [one("a")], [one("a", "high", "2")], ["a"]],
    ["what went away is not", [one("a")], [], []],
  ])("%s", (_what, before, now, expected) => {
    expect(newSince(before, now, "high").map(({ id }) => id)).toEqual(expected);
  });
});
