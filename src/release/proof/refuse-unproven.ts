import type { ManifestEntry } from "../../manifest/entry";
import type { SmokeReport } from "../../smoke/report";
import { Failure } from "../../support/errors";

/** The failure for a report with a check that failed, or was skipped although it must run; undefined: it is proof. */
export function unprovenFailure(
  report: SmokeReport,
  allowSkipped: boolean,
  where: "smoke" | "verify",
): Failure | undefined {
  const failed = report.checks.filter((check) => check.outcome === "failed");
  const skipped = report.checks.filter((check) => check.outcome === "skipped");
  const kind = where === "smoke" ? "smoke" : "deploy";
  if (failed.length > 0) {
    const first = failed[0];
    return new Failure({
      code: where === "smoke" ? "SMOKE_FAILED" : "VERIFY_FAILED",
      kind,
      message: `${String(failed.length)} of ${String(report.checks.length)} checks failed in the ${report.subject}: ${failed.map((check) => check.name).join(", ")}.`,
      log: failed.flatMap((check) => [
        `${check.name}: ${check.seen ?? "failed"}`,
        ...(check.hint === undefined ? [] : [`  ${check.hint}`]),
      ]),
      hint: first?.hint ?? "See the failed checks above. mesa-template smoke checks the same image again.",
    });
  }
  if (skipped.length === 0 || allowSkipped) return undefined;
  return new Failure({
    code: where === "smoke" ? "SMOKE_SKIPPED" : "VERIFY_SKIPPED",
    kind,
    message: `${String(skipped.length)} checks could not run here: ${skipped.map((check) => `${check.name} (${check.seen ?? "no reason given"})`).join("; ")}.`,
    hint: "Run where they can, or continue without them: --allow-skipped.",
  });
}

/** The failure for inputs whose version was revoked. */
export function inputsRevoked({ template, id, revocation }: ManifestEntry): Failure {
  const why = revocation === undefined ? "" : ` on ${revocation.at}: ${revocation.reason}`;
  return new Failure({
    code: "INPUTS_REVOKED",
    kind: "usage",
    template,
    message: `The same inputs were released as ${id}, which was revoked${why}.`,
    hint: `Change an input (the template, or --relock) for a new revision, or undo the revocation: mesa-template unrevoke ${id} --reason …`,
  });
}

/** The failure for a deploy without verification over a verified version that channels point at. */
export function wouldUnprove(
  { template, id, mesaVersion }: ManifestEntry,
  channels: readonly string[],
): Failure {
  return new Failure({
    code: "DEPLOY_UNVERIFIED",
    kind: "usage",
    template,
    message: `${id} is verified and promoted to ${channels.join(", ")}; a deploy without verification would replace its image by one that was never checked.`,
    hint: `Deploy and verify it: mesa-template release ${mesaVersion} --template ${template}, with the same options but --no-verify.`,
  });
}

/** A check that cannot run here. */
export interface CannotRun {
  readonly check: string;
  readonly why: string;
}

/** The failure for checks that cannot run here although they must. */
export function checksCannotRun(template: string, checks: readonly CannotRun[]): Failure {
  return new Failure({
    code: "CHECKS_CANNOT_RUN",
    kind: "environment",
    template,
    message: `Some checks cannot run here: ${checks.map(({ check, why }) => `${check} (${why})`).join("; ")}.`,
    hint: "Nothing was started. Provide what is missing, or continue without these checks: --allow-skipped (the version records them as skipped).",
  });
}
