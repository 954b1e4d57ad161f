import { join } from "node:path";
import * as z from "zod/mini";
import { canonicalJson } from "../support/text/canonical-json";
import { isoTime } from "../support/clock";
import { Failure, firstProblem } from "../support/errors";
import { readIfPresent, writeAtomically } from "../support/files/files";
import type { Host } from "../support/host";
import { atLeast, scan, vulnerabilitySchema, type Vulnerability } from "./scan";
import type { Severity } from "./severity";

/** File of the last scan in a version's records. */
export const SCAN_FILE = "scan.json";

const keptScan = z.looseObject({
  schemaVersion: z.literal(1),
  scanner: z.string(),
  scannedAt: z.string(),
  found: z.array(vulnerabilitySchema),
});

type KeptScan = z.infer<typeof keptScan>;

/** A scan of one version, compared with the previous one. */
export interface Rescan {
  readonly scanner: string;
  /** Time of the previous scan, ISO 8601; null: none. */
  readonly before: string | null;
  /** Number of all findings, whatever their severity. */
  readonly found: number;
  /** New findings of at least the threshold's severity, the most severe first. */
  readonly fresh: readonly Vulnerability[];
  /** Stores the findings beside the SBOM for the next comparison: from then on they are not new. */
  readonly keep: () => Promise<unknown>;
}

/**
 * Scans a version's SBOM with today's vulnerability database.
 * @param sbom path of the SBOM in the version's records
 * @throws Failure NO_SBOM, SCAN_BROKEN (exit 8); NO_SCANNER, SCAN_FAILED (exit 3)
 */
export async function rescan(host: Host, folder: string, sbom: string, threshold: Severity): Promise<Rescan> {
  const path = join(folder, SCAN_FILE);
  if ((await readIfPresent(sbom)) === undefined)
    throw new Failure({
      code: "NO_SBOM",
      kind: "manifest",
      message: `The version's SBOM is missing: ${sbom}.`,
      hint: "Restore it from git, or build the version again (mesa-template release VERSION --force).",
    });
  const before = await readScan(path);
  const { scanner, found } = await scan(host, { sbom });
  const sorted = [...found].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const scannedAt = isoTime(host.clock.now());
  const kept: KeptScan = { schemaVersion: 1, scanner, scannedAt, found: sorted };
  return {
    scanner,
    before: before?.scannedAt ?? null,
    found: found.length,
    fresh: newSince(before?.found ?? [], sorted, threshold),
    keep: () => writeAtomically(path, canonicalJson(kept)),
  };
}

/** Findings that reach the threshold now and did not before. A vulnerability that became more severe counts as new. */
export function newSince(
  before: readonly Vulnerability[],
  now: readonly Vulnerability[],
  threshold: Severity,
): readonly Vulnerability[] {
  const known = new Set(atLeast(before, threshold).map(keyOf));
  return atLeast(now, threshold).filter((one) => !known.has(keyOf(one)));
}

function keyOf({ id, package: name, version }: Vulnerability): string {
  return `${id} ${name} ${version}`;
}

async function readScan(path: string): Promise<KeptScan | undefined> {
  const data = await readIfPresent(path);
  if (data === undefined) return undefined;
  try {
    return keptScan.parse(JSON.parse(data.toString("utf8")));
  } catch (error) {
    throw new Failure({
      code: "SCAN_BROKEN",
      kind: "manifest",
      message: `${path} is not a scan result: ${firstProblem(error)}`,
      hint: "Restore it from git, or remove it: then every finding counts as new.",
      cause: error,
    });
  }
}
