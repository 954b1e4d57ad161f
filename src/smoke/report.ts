export type CheckOutcome = "passed" | "failed" | "skipped";

export interface CheckResult {
  readonly name: string;
  readonly outcome: CheckOutcome;
  readonly durationMs: number;
  /** What was seen, when it failed; why, when it was skipped. */
  readonly seen?: string;
  /** What it means and what to do. */
  readonly hint?: string;
  /** What had to be seen, for tests that come from a file. */
  readonly expected?: string;
  /** The test file it stands in, and its line there. */
  readonly file?: string;
  readonly line?: number;
}

/** What was checked in the running container or sandbox, with what result. */
export interface SmokeReport {
  readonly template: string;
  readonly subject: "container" | "sandbox";
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  readonly checks: readonly CheckResult[];
}

/** A report from its checks: the counts are derived, never given. */
export function reportFrom(
  template: string,
  subject: SmokeReport["subject"],
  checks: readonly CheckResult[],
  durationMs: number,
): SmokeReport {
  const count = (outcome: CheckOutcome): number => checks.filter((check) => check.outcome === outcome).length;
  return {
    template,
    subject,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    durationMs,
    checks,
  };
}
