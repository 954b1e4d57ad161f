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

/** A report from its checks, with this run's secret values replaced by ***; the counts are derived. */
export function reportFrom(
  redact: Redactor,
  template: string,
  subject: SmokeReport["subject"],
  results: readonly CheckResult[],
  durationMs: number,
): SmokeReport {
  const count = (outcome: CheckResult["outcome"]): number =>
    results.filter((result) => result.outcome === outcome).length;
  const checks = results.map(({ seen, expected, ...result }) => ({
    ...result,
    ...(seen === undefined ? {} : { seen: redact(seen) }),
    ...(expected === undefined ? {} : { expected: redact(expected) }),
  }));
  return {
    template,
    subject,
    durationMs,
    checks,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
  };
}

const SHOWN = 600;

/** A text shortened for the report. */
export function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
