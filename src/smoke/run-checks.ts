import type { Host } from "../support/host";
import { Failure, messageOf } from "../support/errors";
import { batchResults, batchScript, newMark } from "./batch";
import type { Check, CheckVerdict, ImageAtRest, ImageContext, Lifecycle, ProbeCheck, Subject } from "./check";
import { hideSecrets } from "./hide-secrets";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";

export interface Offers {
  readonly subject: Subject;
  readonly image?: ImageAtRest;
  readonly lifecycle?: Lifecycle;
}

const PROBE_TIMEOUT_MS = 20_000;

/**
 * Runs the checks that are possible here (in a deployed sandbox, no check that needs an image). Probes of the same user share one
 * execution.
 * @returns the report of `name`, in the checks' order
 */
export async function runChecks<Context extends ImageContext>(
  host: Host,
  name: string,
  checks: readonly Check<Context>[],
  offers: Offers,
  context: Context,
): Promise<SmokeReport> {
  const startedAt = host.clock.now();
  const possible = checks.flatMap((check): readonly Check<Context>[] => {
    if (check.needs === "image" && offers.image === undefined)
      return check.inSandbox === undefined ? [] : [check.inSandbox];
    return check.needs === "lifecycle" && offers.lifecycle === undefined ? [] : [check];
  });
  const results = new Map<Check<Context>, CheckResult>();
  const wanted = possible.filter((check) => {
    const why = check.skip?.(context);
    if (why !== undefined)
      results.set(check, { name: check.name, outcome: "skipped", durationMs: 0, seen: why });
    return why === undefined;
  });
  const keep: Keep<Context> = (check, result) => {
    results.set(check, result);
  };
  // Reading the image at rest uses the engine, not the container, so both run in parallel.
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
  const ordered = possible.flatMap((check) => {
    const result = results.get(check);
    return result === undefined ? [] : { ...result, ...check.place };
  });
  return reportFrom(
    name,
    offers.subject.kind,
    ordered.map((result) => hideSecrets(host.redact, result)),
    host.clock.now() - startedAt,
  );
}

type Keep<Context> = (check: Check<Context>, result: CheckResult) => void;

/** Waits for both, even if one fails: neither may lose the container while using it. */
async function bothSettled(...work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Probes first, one execution per user; then checks that talk to the subject; stopping last. */
async function runOnSubject<Context>(
  host: Host,
  checks: readonly Check<Context>[],
  offers: Offers,
  context: Context,
  keep: Keep<Context>,
): Promise<void> {
  const isProbe = (check: Check<Context>): check is ProbeCheck<Context> =>
    check.needs === "subject" && check.how === "probe";
  const groups = new Map<string, ProbeCheck<Context>[]>();
  for (const probe of checks.filter(isProbe))
    groups.set(probe.user ?? "", [...(groups.get(probe.user ?? "") ?? []), probe]);
  for (const group of groups.values()) {
    for (const [probe, result] of await runProbes(host, group, offers.subject, context)) keep(probe, result);
  }
  const others = checks.filter((check) => !isProbe(check));
  await runEach(host, others, offers, context, keep);
}

async function runEach<Context>(
  host: Host,
  checks: readonly Check<Context>[],
  offers: Offers,
  context: Context,
  keep: Keep<Context>,
): Promise<void> {
  for (const check of checks) {
    host.signal.throwIfAborted();
    keep(check, await runOne(host, check, offers, context));
  }
}

async function runProbes<Context>(
  host: Host,
  probes: readonly ProbeCheck<Context>[],
  subject: Subject,
  context: Context,
): Promise<readonly (readonly [ProbeCheck<Context>, CheckResult])[]> {
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
          seen: `not finished within ${String(Math.round((probe.timeoutMs ?? PROBE_TIMEOUT_MS) / 1000))} s`,
        } as const)
      : probe.judge(result, context);
    return [probe, { name: probe.name, durationMs: result.durationMs, ...verdict }];
  });
}

async function runOne<Context>(
  host: Host,
  check: Check<Context>,
  { subject, image, lifecycle }: Offers,
  context: Context,
): Promise<CheckResult> {
  const startedAt = host.clock.now();
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
  return { name: check.name, durationMs: host.clock.now() - startedAt, ...verdict };
}
