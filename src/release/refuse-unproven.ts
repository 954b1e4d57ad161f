import type { SmokeReport } from "../smoke/report";
import { Failure } from "../support/errors";

/** Stops where a check failed, or could not run although it must. */
export function refuseUnproven(
  report: SmokeReport,
  allowSkipped: boolean,
  where: "smoke" | "verify" = "smoke",
): void {
  const failed = report.checks.filter((check) => check.outcome === "failed");
  const skipped = report.checks.filter((check) => check.outcome === "skipped");
  const kind = where === "smoke" ? "smoke" : "deploy";
  if (failed.length > 0) {
    const first = failed[0];
    throw new Failure({
      code: where === "smoke" ? "SMOKE_FAILED" : "VERIFY_FAILED",
      kind,
      message: `${String(failed.length)} of ${String(report.checks.length)} checks failed in the ${report.subject}: ${failed.map((check) => check.name).join(", ")}.`,
      log: failed.flatMap((check) => [
        `${check.name}: ${check.seen ?? "failed"}`,
        ...(check.hint === undefined ? [] : [`  ${check.hint}`]),
      ]),
      hint:
        first?.hint ?? "Read what was seen above; the same image is checked again by mesa-template smoke.",
    });
  }
  if (skipped.length > 0 && !allowSkipped) {
    throw new Failure({
      code: where === "smoke" ? "SMOKE_SKIPPED" : "VERIFY_SKIPPED",
      kind,
      message: `${String(skipped.length)} checks could not run here: ${skipped.map((check) => `${check.name} (${check.seen ?? "no reason given"})`).join("; ")}.`,
      hint: "Run where they can, or give --allow-skipped to go on without them.",
    });
  }
}
