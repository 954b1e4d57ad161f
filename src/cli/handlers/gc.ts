import type { CommandContext, CommandHandler } from "../command";
import { blaxelRemovals, withBlaxel, type BlaxelReach } from "../gc/blaxel";
import { localRemovals } from "../gc/local";
import { outcomeDocument, outcomeText, type Outcome, type Removal } from "../gc/removal";
import { errorDocument } from "../output";
import { readManifest, updateManifest } from "../../manifest/index";
import { markRemoved } from "../../manifest/versions/record-entry";
import { readRetention, retentionPlan, type RetentionVerdict } from "../../manifest/versions/retention";
import { isoTime } from "../../support/clock";
import { exitCodeOf, Failure, messageOf } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const { host, root, dryRun } = context;
  const path = paths(root).manifest;
  const manifest = await readManifest(path);
  const retention = await readRetention(paths(root).retention);
  const plan = retentionPlan(manifest, retention, host.clock.now());
  const kept = plan.filter((verdict) => verdict.keep);
  const reach: BlaxelReach = {};
  const local = await localRemovals(
    context,
    manifest,
    kept.map(({ entry }) => entry),
  );
  const remote = blaxelRemovals(plan, path, reach);
  const doIt = args.flag("yes") && !dryRun;
  const outcomes: Outcome[] = doIt
    ? []
    : [...local.removals, ...remote].map((removal) => ({ removal, outcome: "planned" }));
  if (doIt) {
    try {
      await removeAll(context, local.removals, outcomes);
      await withBlaxel(context, reach, remote, () => removeAll(context, remote, outcomes)).catch(
        (error: unknown) => {
          host.signal.throwIfAborted();
          outcomes.push(...remote.map((removal) => failed(context, removal, error)));
        },
      );
    } finally {
      // Also when it was interrupted: what is gone is gone.
      const ids = removedVersions(outcomes, plan, local.notLookedAt === undefined);
      if (ids.size > 0)
        await updateManifest(host, path, (now) => markRemoved(now, ids, isoTime(host.clock.now())));
    }
  }
  const failure = outcomes.find((one) => one.failure !== undefined)?.failure;
  const lines = outcomes.map(outcomeText);
  if (local.notLookedAt !== undefined)
    lines.push(`local images and containers were not looked at: ${local.notLookedAt}`);
  return {
    exitCode: failure === undefined ? EXIT_CODES.done : exitCodeOf(failure),
    json: {
      ok: failure === undefined,
      dryRun: !doIt,
      removals: outcomes.map(outcomeDocument),
      kept: kept.map(({ entry, why }) => ({ id: entry.id, why })),
      ...(local.notLookedAt === undefined ? {} : { notLookedAt: local.notLookedAt }),
      ...(failure === undefined ? {} : { error: errorDocument(failure, host.redact) }),
    },
    text: [
      ...lines,
      ...(outcomes.length === 0 ? ["Nothing to remove."] : []),
      ...(doIt || outcomes.length === 0 ? [] : ["This was a dry run; --yes does it."]),
    ].join("\n"),
  };
};

/**
 * Takes things away one after the other; one that cannot go does not keep the next from going, unless it is the right or the
 * network that is missing: the others would only hear the same, each after all its retries.
 */
async function removeAll(
  context: CommandContext,
  removals: readonly Removal[],
  outcomes: Outcome[],
): Promise<void> {
  for (const [at, removal] of removals.entries()) {
    try {
      context.host.signal.throwIfAborted();
      const used = await removal.remove(removal.name);
      outcomes.push(
        used === undefined
          ? { removal, outcome: "removed" }
          : { removal, outcome: "stays", message: context.host.redact(used) },
      );
    } catch (error) {
      context.host.signal.throwIfAborted();
      const all = error instanceof Failure && error.kind === "environment";
      outcomes.push(
        ...removals.slice(at, all ? undefined : at + 1).map((one) => failed(context, one, error)),
      );
      if (all) return;
    }
  }
}

/** Versions of which nothing is left: their image went, or they never had one on Blaxel and local images were looked after. */
function removedVersions(
  outcomes: readonly Outcome[],
  plan: readonly RetentionVerdict[],
  locally: boolean,
): ReadonlySet<string> {
  const gone = outcomes.flatMap(({ removal, outcome }) => (outcome === "removed" ? (removal.id ?? []) : []));
  const neverDeployed = plan.filter(
    ({ keep, entry }) => !keep && Object.keys(entry.deployments).length === 0,
  );
  return new Set([...gone, ...(locally ? neverDeployed.map(({ entry }) => entry.id) : [])]);
}

function failed({ host }: CommandContext, removal: Removal, error: unknown): Outcome {
  const failure = error instanceof Error ? error : new Error(String(error));
  return { removal, outcome: "failed", message: host.redact(messageOf(error)), failure };
}
