import type { Host } from "../support/host";
import { Failure, messageOf } from "../support/errors";
import { batchResults, batchScript, newMark } from "./batch";
import type { Check, CheckContext, CheckVerdict, ImageAtRest, Lifecycle, ProbeCheck, Subject } from "./check";
import { hideSecrets } from "./hide-secrets";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";

export interface Offers {
  readonly subject: Subject;
  readonly image?: ImageAtRest;
  readonly lifecycle?: Lifecycle;
}

const PROBE_TIMEOUT_MS = 20_000;

/**
 * Runs the checks that these offers allow (a check that needs an image is not part of a run in a deployed sandbox). Probes of
 * one user go together into one execution.
 */
export async function runChecks(
  host: Host,
  checks: readonly Check[],
  offers: Offers,
  context: CheckContext,
): Promise<SmokeReport> {
  const begun = host.clock.now();
  const possible = checks.filter(
    (check) =>
      check.needs === "subject" ||
      (check.needs === "image" && offers.image !== undefined) ||
      (check.needs === "lifecycle" && offers.lifecycle !== undefined),
  );
  const results = new Map<Check, CheckResult>();
  const wanted = possible.filter((check) => {
    const why = check.skip?.(context);
    if (why !== undefined)
      results.set(check, { name: check.name, outcome: "skipped", durationMs: 0, seen: why });
    return why === undefined;
  });
  const keep = (check: Check, result: CheckResult): void => {
    results.set(check, result);
  };
  // Reading the image at rest keeps the engine busy, not the container: both go on at the same time.
  await bothSettled(
    runOnSubject(
      host,
      wanted.filter((check) => check.needs !== "image"),
      offers,
      context,
      keep,
    ),
    runEach(
      host,
      wanted.filter((check) => check.needs === "image"),
      offers,
      context,
      keep,
    ),
  );
  const ordered = possible.flatMap((check) => results.get(check) ?? []);
  return reportFrom(
    context.rendered.template,
    offers.subject.kind,
    ordered.map((result) => hideSecrets(host.redact, result)),
    host.clock.now() - begun,
  );
}

type Keep = (check: Check, result: CheckResult) => void;

/** Waits for both, whatever happens to one: what is still using the container must not lose it under its feet. */
async function bothSettled(...work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Probes first, one execution for each user; then what talks to the subject itself; stopping it last. */
async function runOnSubject(
  host: Host,
  checks: readonly Check[],
  offers: Offers,
  context: CheckContext,
  keep: Keep,
): Promise<void> {
  const isProbe = (check: Check): check is ProbeCheck => check.needs === "subject" && check.how === "probe";
  const groups = new Map<string, ProbeCheck[]>();
  for (const probe of checks.filter(isProbe))
    groups.set(probe.user ?? "", [...(groups.get(probe.user ?? "") ?? []), probe]);
  for (const group of groups.values()) {
    for (const [probe, result] of await runProbes(host, group, offers.subject, context)) keep(probe, result);
  }
  const others = checks.filter((check) => !isProbe(check));
  await runEach(host, others, offers, context, keep);
}

async function runEach(
  host: Host,
  checks: readonly Check[],
  offers: Offers,
  context: CheckContext,
  keep: Keep,
): Promise<void> {
  for (const check of checks) {
    host.signal.throwIfAborted();
    keep(check, await runOne(host, check, offers, context));
  }
}

async function runProbes(
  host: Host,
  probes: readonly ProbeCheck[],
  subject: Subject,
  context: CheckContext,
): Promise<readonly (readonly [ProbeCheck, CheckResult])[]> {
  const mark = newMark();
  const items = probes.map((probe) => ({
    script: probe.script(context),
    timeoutMs: probe.timeoutMs ?? PROBE_TIMEOUT_MS,
  }));
  const user = probes[0]?.user;
  const output = await subject.run({
    script: batchScript(items, mark),
    timeoutMs: items.reduce((sum, item) => sum + item.timeoutMs, 5_000),
    ...(user === undefined ? {} : { user }),
  });
  const found = batchResults(output.stdout, mark, items);
  return probes.map((probe, index) => {
    const result = found[index];
    if (result === undefined) {
      const seen = `it did not run: ${(output.stderr || output.stdout).trim().slice(-300) || `the batch exited with ${String(output.exitCode)}`}`;
      return [
        probe,
        {
          name: probe.name,
          outcome: "failed",
          durationMs: 0,
          seen,
          hint: "The shell of the image could not run the checks; it needs sh, mktemp, base64 and timeout.",
        },
      ];
    }
    const verdict = result.timedOut
      ? ({
          outcome: "failed",
          seen: `no end within ${String(Math.round((probe.timeoutMs ?? PROBE_TIMEOUT_MS) / 1000))} s`,
        } as const)
      : probe.judge(result, context);
    return [probe, { name: probe.name, durationMs: result.durationMs, ...verdict }];
  });
}

async function runOne(
  host: Host,
  check: Check,
  { subject, image, lifecycle }: Offers,
  context: CheckContext,
): Promise<CheckResult> {
  const begun = host.clock.now();
  let verdict: CheckVerdict;
  try {
    if (check.needs === "image")
      verdict =
        image === undefined ? { outcome: "skipped", seen: "no image here" } : await check.run(image, context);
    else if (check.needs === "lifecycle")
      verdict =
        lifecycle === undefined
          ? { outcome: "skipped", seen: "no lifecycle here" }
          : await check.run(lifecycle, context);
    else if (check.how === "own") verdict = await check.run(subject, context);
    else verdict = { outcome: "skipped", seen: "not run" };
  } catch (error) {
    host.signal.throwIfAborted();
    if (error instanceof Failure && error.kind === "environment") throw error;
    verdict = {
      outcome: "failed",
      seen: messageOf(error),
      ...(error instanceof Failure && error.hint !== undefined ? { hint: error.hint } : {}),
    };
  }
  return { name: check.name, durationMs: host.clock.now() - begun, ...verdict };
}
