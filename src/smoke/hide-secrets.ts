import type { Redactor } from "../support/redact";
import type { CheckResult } from "./report";

/** A result with this run's secret values replaced by ***. */
export function hideSecrets(redact: Redactor, result: CheckResult): CheckResult {
  const { seen, expected } = result;
  return {
    ...result,
    ...(seen === undefined ? {} : { seen: redact(seen) }),
    ...(expected === undefined ? {} : { expected: redact(expected) }),
  };
}
