import type { Engine } from "../docker/index";
import type { Host } from "../support/host";
import { hideSecrets } from "./hide-secrets";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";
import { runStructureTests, type StructureFile } from "./structure/index";

/** The report with the results of container-structure-test files added to it. */
export async function withStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  files: readonly StructureFile[],
  report: SmokeReport,
): Promise<SmokeReport> {
  const begun = host.clock.now();
  const results: CheckResult[] = [];
  for (const file of files) results.push(...(await runStructureTests(host, engine, reference, file)));
  const durationMs = report.durationMs + host.clock.now() - begun;
  const shown = results.map((result) => hideSecrets(host.redact, result));
  return reportFrom(report.template, report.subject, [...report.checks, ...shown], durationMs);
}
