import * as z from "zod/mini";
import type { Redactor } from "../support/redact";

const resultSchema = z.object({
  name: z.string(),
  outcome: z.enum(["passed", "failed", "skipped"]),
  durationMs: z.number(),
  /** What was seen, if it failed; why, if it was skipped. */
  seen: z.exactOptional(z.string()),
  /** Meaning and next step. */
  hint: z.exactOptional(z.string()),
  /** What was expected, for tests from a file. */
  expected: z.exactOptional(z.string()),
  /** The test file and the line in it. */
  file: z.exactOptional(z.string()),
  line: z.exactOptional(z.number()),
});

/** The checks of a running container or sandbox, and their results. */
export const reportSchema = z.object({
  template: z.string(),
  subject: z.enum(["container", "sandbox"]),
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  durationMs: z.number(),
  checks: z.readonly(z.array(resultSchema)),
});

export type CheckResult = Readonly<z.infer<typeof resultSchema>>;
export type SmokeReport = Readonly<z.infer<typeof reportSchema>>;

/** A report from its checks; the counts are derived. */
export function reportFrom(
  template: string,
  subject: SmokeReport["subject"],
  checks: readonly CheckResult[],
  durationMs: number,
): SmokeReport {
  const count = (outcome: CheckResult["outcome"]): number =>
    checks.filter((check) => check.outcome === outcome).length;
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

const SHOWN = 600;

/** A text shortened for the report. */
export function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
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
