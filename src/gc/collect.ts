import { workspaceInUse } from "../blaxel/credentials";
import type { Engine } from "../docker/index";
import { readManifest, updateManifest } from "../manifest/index";
import { withRemovals, type RemovedImages } from "../manifest/versions/record-entry";
import { readRetention, retentionPlan, type RetentionVerdict } from "../manifest/versions/retention";
import type { Run } from "../release/run";
import { isoTime } from "../support/clock";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { paths } from "../support/files/paths";
import { blaxelRemovals, withBlaxel } from "./blaxel";
import { localRemovals, removeFrom } from "./local";
import type { Outcome, Removal, Remove } from "./removal";

export interface Collected {
  readonly outcomes: readonly Outcome[];
  readonly kept: readonly RetentionVerdict[];
  /** Why the local engine could not be checked. */
  readonly notLookedAt: string | undefined;
  /** The first one. */
  readonly failure: Error | undefined;
}

/**
 * Removes the images that the rules of templates/retention.toml do not keep, here and in the workspace in use, and what dead runs left
 * here. Records in the manifest only what was really removed, even when interrupted. Failed removals are outcomes.
 * @param remove remove; otherwise only report what would be removed
 * @throws Failure of kind manifest (exit 8), RETENTION_INVALID (exit 2); the signal's reason when aborted
 */
export async function collectGarbage(run: Run, remove: boolean): Promise<Collected> {
  const { host, root } = run;
  const path = paths(root).manifest;
  const manifest = await readManifest(path);
  const [retention, workspace] = await Promise.all([
    readRetention(paths(root).retention),
    workspaceInUse(host),
  ]);
  const plan = retentionPlan(manifest, retention, host.clock.now(), workspace);
  const kept = plan.filter(({ keep }) => keep);
  const [engine, notLookedAt] = await engineOrWhyNot(run);
  const keptEntries = kept.map(({ entry }) => entry);
  const local = engine === undefined ? [] : await localRemovals(host, engine, manifest, keptEntries);
  const remote = blaxelRemovals(plan);
  const outcomes: Outcome[] = [];
  if (!remove)
    outcomes.push(...[...local, ...remote].map((one) => ({ ...one, outcome: "planned" as const })));
  else {
    try {
      if (engine !== undefined) await removeAll(host, local, removeFrom(engine), outcomes);
      if (remote.length > 0)
        await withBlaxel(host, path, (removes) => removeAll(host, remote, removes, outcomes)).catch(
          (error: unknown) => {
            host.signal.throwIfAborted();
            outcomes.push(...remote.map((removal) => failed(host, removal, error)));
          },
        );
    } finally {
      const removed = removedImages(outcomes, plan);
      if (removed.deployments.length + removed.neverDeployed.length > 0)
        await updateManifest(host, path, (now) => withRemovals(now, removed, isoTime(host.clock.now())));
    }
  }
  const { failure } = outcomes.find((one) => one.failure !== undefined) ?? {};
  return { outcomes, kept, notLookedAt, failure };
}

async function engineOrWhyNot(
  run: Run,
): Promise<readonly [Engine, undefined] | readonly [undefined, string]> {
  try {
    return [await run.engine(), undefined];
  } catch (error) {
    if (error instanceof Failure && error.kind === "environment") return [undefined, messageOf(error)];
    throw error;
  }
}

/**
 * Removes in sequence. After a failure it continues, unless permission or network is missing: all others would fail the same way after all
 * their retries.
 */
async function removeAll(
  host: Host,
  removals: readonly Removal[],
  remove: Remove,
  outcomes: Outcome[],
): Promise<void> {
  for (const [at, removal] of removals.entries()) {
    try {
      host.signal.throwIfAborted();
      const used = await remove(removal);
      outcomes.push(
        used === undefined
          ? { ...removal, outcome: "removed" }
          : { ...removal, outcome: "stays", message: host.redact(used) },
      );
    } catch (error) {
      host.signal.throwIfAborted();
      const all = error instanceof Failure && error.kind === "environment";
      outcomes.push(...removals.slice(at, all ? undefined : at + 1).map((one) => failed(host, one, error)));
      if (all) return;
    }
  }
}

/**
 * What to record in the manifest: images removed from a workspace, and never deployed versions whose image was removed from this engine. An
 * image on another engine, or one that could not be removed, still exists.
 */
export function removedImages(
  outcomes: readonly Outcome[],
  plan: readonly RetentionVerdict[],
): RemovedImages {
  const ids = (wanted: (outcome: Outcome) => boolean): ReadonlySet<string> =>
    new Set(outcomes.filter(wanted).flatMap(({ id }) => id ?? []));
  const gone = ids(({ what, outcome }) => what === "local image" && outcome === "removed");
  const there = ids(({ what, outcome }) => what === "local image" && outcome !== "removed");
  const neverDeployed = plan.filter(
    ({ keep, entry: { id, deployments } }) =>
      !keep && Object.keys(deployments).length === 0 && gone.has(id) && !there.has(id),
  );
  return {
    neverDeployed: neverDeployed.map(({ entry }) => entry.id),
    deployments: outcomes.flatMap(({ id, workspace, outcome }) =>
      outcome === "removed" && id !== undefined && workspace !== undefined ? [{ id, workspace }] : [],
    ),
  };
}

function failed(host: Host, removal: Removal, error: unknown): Outcome {
  const failure = error instanceof Error ? error : new Error(String(error));
  return { ...removal, outcome: "failed", message: host.redact(messageOf(error)), failure };
}
