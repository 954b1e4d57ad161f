import type { Host } from "../support/host";
import { Failure, messageOf } from "../support/errors";
import { within } from "../support/processes/within";
import { batchResults, batchScript, newMark } from "./batch";
import type { Check, CheckVerdict, ImageContext, Offers, ProbeCheck, Subject } from "./check";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";

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
  const groups = new Map<string, ProbeCheck<Context>[]>();
  const atRest: Check<Context>[] = [];
  const others: Check<Context>[] = [];
  for (const check of possible) {
    const why = check.skip?.(context);
    if (why !== undefined)
      results.set(check, { name: check.name, outcome: "skipped", durationMs: 0, seen: why });
    else if (check.needs === "image") atRest.push(check);
    else if (check.needs === "shell")
      groups.set(check.user ?? "", [...(groups.get(check.user ?? "") ?? []), check]);
    else others.push(check);
  }
  const runEach = async (some: readonly Check<Context>[]): Promise<void> => {
    for (const check of some) {
      host.signal.throwIfAborted();
      results.set(check, await runOne(host, check, offers, context));
    }
  };
  // Probes first, one execution per user; then checks that talk to the subject; stopping last.
  const onSubject = async (): Promise<void> => {
    for (const group of groups.values())
      for (const [probe, result] of await runProbes(group, offers.subject, context))
        results.set(probe, result);
    await runEach(others);
  };
  // Reading the image at rest uses the engine, not the container, so both run in parallel. Neither may lose the container while using it.
  const settled = await Promise.allSettled([onSubject(), runEach(atRest)]);
  const failed = settled.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const ordered = possible.flatMap((check) => {
    const result = results.get(check);
    return result === undefined ? [] : { ...result, ...check.place };
  });
  return reportFrom(host.redact, name, offers.subject.kind, ordered, host.clock.now() - startedAt);
}

async function runProbes<Context>(
  probes: readonly ProbeCheck<Context>[],
  subject: Subject,
  context: Context,
): Promise<readonly (readonly [ProbeCheck<Context>, CheckResult])[]> {
  const mark = newMark();
  const items = probes.map(({ script, timeoutMs = PROBE_TIMEOUT_MS }) => ({ script, timeoutMs }));
  const output = await subject.run({
    script: batchScript(items, mark),
    timeoutMs: items.reduce((sum, item) => sum + item.timeoutMs, 5_000),
    user: probes[0]?.user,
  });
  const found = batchResults(output.stdout, mark, items);
  return probes.map((probe, index) => {
    const result = found[index];
    const verdict = (): CheckVerdict => {
      if (result === undefined)
        return {
          outcome: "failed",
          seen: `it did not run: ${(output.stderr || output.stdout).trim().slice(-300) || `the batch exited with ${String(output.exitCode)}`}`,
          hint: "The shell of the image could not run the checks; it needs sh, mktemp, base64 and timeout.",
        };
      if (result.timedOut) {
        const seconds = Math.round((probe.timeoutMs ?? PROBE_TIMEOUT_MS) / 1000);
        return { outcome: "failed", seen: `not finished within ${String(seconds)} s` };
      }
      try {
        return probe.judge(result, context);
      } catch (error) {
        return failedBy(error);
      }
    };
    return [probe, { name: probe.name, durationMs: result?.durationMs ?? 0, ...verdict() }];
  });
}

async function runOne<Context>(
  host: Host,
  check: Check<Context>,
  { subject, image, lifecycle }: Offers,
  context: Context,
): Promise<CheckResult> {
  const startedAt = host.clock.now();
  const run = async (): Promise<CheckVerdict> => {
    if (check.needs === "image" && image !== undefined) return check.run(image, context);
    if (check.needs === "lifecycle" && lifecycle !== undefined) return check.run(lifecycle, context);
    if (check.needs !== "subject") return { outcome: "skipped", seen: "not run" };
    const { limitMs } = check;
    if (limitMs === undefined) return check.run(subject, context);
    return within(host.clock, check.run(subject, context), limitMs, host.signal);
  };
  const verdict = await run().catch((error: unknown): CheckVerdict => {
    host.signal.throwIfAborted();
    return failedBy(error);
  });
  host.signal.throwIfAborted();
  return { name: check.name, durationMs: host.clock.now() - startedAt, ...verdict };
}

/** The verdict on a check that threw; what the environment lacks says nothing about the image, so that ends the run. */
function failedBy(error: unknown): CheckVerdict {
  if (error instanceof Failure && error.kind === "environment") throw error;
  const hint = error instanceof Failure ? error.hint : undefined;
  return { outcome: "failed", seen: messageOf(error), ...(hint === undefined ? {} : { hint }) };
}
