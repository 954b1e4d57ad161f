import type { Redactor } from "../support/redact";
import type { CheckResult } from "./report";

/** A result as it may be shown and kept: the values of this run's secrets are *** in it. */
export function hideSecrets(redact: Redactor, result: CheckResult): CheckResult {
  const { seen, expected } = result;
  return {
    ...result,
    ...(seen === undefined ? {} : { seen: redact(seen) }),
    ...(expected === undefined ? {} : { expected: redact(expected) }),
  };
}
