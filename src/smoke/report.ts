import type { Redactor } from "../support/redact";

type CheckOutcome = "passed" | "failed" | "skipped";

export interface CheckResult {
  readonly name: string;
  readonly outcome: CheckOutcome;
  readonly durationMs: number;
  /** What was seen, if it failed; why, if it was skipped. */
  readonly seen?: string;
  /** Meaning and next step. */
  readonly hint?: string;
  /** What was expected, for tests from a file. */
  readonly expected?: string;
  /** The test file and the line in it. */
  readonly file?: string;
  readonly line?: number;
}

/** The checks of a running container or sandbox, and their results. */
export interface SmokeReport {
  readonly template: string;
  readonly subject: "container" | "sandbox";
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  readonly checks: readonly CheckResult[];
}

/** A report from its checks; the counts are derived. */
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

/** A result with this run's secret values replaced by ***. */
export function hideSecrets(redact: Redactor, result: CheckResult): CheckResult {
  const { seen, expected } = result;
  return {
    ...result,
    ...(seen === undefined ? {} : { seen: redact(seen) }),
    ...(expected === undefined ? {} : { expected: redact(expected) }),
  };
}
