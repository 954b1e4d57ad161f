import * as z from "zod/mini";
import { Failure, firstProblem } from "../../support/errors";
import { readIfPresent } from "../../support/files/files";
import { channelsAt, channelsOf } from "../channels/pointing";
import { rollbackTarget } from "../channels/rollback";
import { inWorkspace } from "./in-workspace";
import { sortedEntries, templatesOf } from "./newest";
import { isWithdrawn, type Manifest, type ManifestEntry } from "../entry";

const schema = z.pipe(
  z.strictObject({
    keep_last: z._default(z.int().check(z.minimum(1)), 5),
    keep_younger_than_days: z._default(z.number().check(z.minimum(0)), 30),
  }),
  z.transform((rules) => ({ keepLast: rules.keep_last, keepYoungerThanDays: rules.keep_younger_than_days })),
);

type Retention = Readonly<z.infer<typeof schema>>;

/** The rules of templates/retention.toml; defaults without the file. @throws Failure RETENTION_INVALID (exit 2) */
export async function readRetention(path: string): Promise<Retention> {
  const data = await readIfPresent(path);
  const { parse } = await import("smol-toml");
  try {
    return schema.parse(data === undefined ? {} : parse(data.toString("utf8")));
  } catch (error) {
    throw new Failure({
      code: "RETENTION_INVALID",
      kind: "usage",
      message: `${path}: ${firstProblem(error)}`,
      hint: "It contains keep_last (a whole number from 1) and keep_younger_than_days.",
      cause: error,
    });
  }
}

export interface RetentionVerdict {
  readonly entry: ManifestEntry;
  readonly keep: boolean;
  readonly why: string;
}

const DAY_MS = 86_400_000;

/**
 * For each version, newest first, whether the workspace in use keeps it, and why. Ignores versions that are already removed.
 * @param workspace if absent, a version's age follows from its last deployment in any
 */
export function retentionPlan(
  manifest: Manifest,
  retention: Retention,
  nowMs: number,
  workspace?: string,
): readonly RetentionVerdict[] {
  const verdicts: RetentionVerdict[] = [];
  const all = sortedEntries(manifest).filter(({ status }) => status !== "removed");
  for (const template of templatesOf(all)) {
    // A rollback there may go further back than one that names no workspace.
    const targets = new Map(
      Object.keys(channelsOf(manifest, template)).flatMap((channel) =>
        [workspace, undefined].map((where) => [rollbackTarget(manifest, template, channel, where), channel]),
      ),
    );
    // Versions of other workspaces must not displace the last good ones here.
    let usable = 0;
    for (const entry of all.filter((one) => one.template === template)) {
      const channels = channelsAt(manifest, entry.id);
      const target = targets.get(entry.id);
      const { status, deployedAt } = seenFrom(entry, workspace);
      const days = (nowMs - Date.parse(deployedAt ?? entry.createdAt)) / DAY_MS;
      // Failed and revoked versions do not count among the last good ones.
      const isUsable = status !== "failed" && !isWithdrawn(status);
      const isElsewhere = deployedAt === undefined && Object.keys(entry.deployments).length > 0;
      const isOneOfTheLast = isUsable && usable < retention.keepLast;
      if (isUsable && !isElsewhere) usable += 1;
      const why =
        channels.length > 0
          ? `${channels.join(", ")} points at it`
          : target !== undefined
            ? `${target} would be rolled back to it`
            : isOneOfTheLast
              ? `one of the last ${String(retention.keepLast)}`
              : Number.isNaN(days)
                ? "its age is unknown"
                : days < retention.keepYoungerThanDays
                  ? `younger than ${String(retention.keepYoungerThanDays)} days`
                  : undefined;
      verdicts.push({
        entry,
        keep: why !== undefined,
        why:
          why ??
          `${String(Math.floor(days))} days old, and not one of the last ${String(retention.keepLast)}`,
      });
    }
  }
  return verdicts;
}

function seenFrom(entry: ManifestEntry, workspace: string | undefined) {
  if (workspace !== undefined) {
    const { status, deployment } = inWorkspace(entry, workspace);
    return { status, deployedAt: deployment?.deployedAt };
  }
  const times = Object.values(entry.deployments).map(({ deployedAt }) => deployedAt);
  return { status: entry.status, deployedAt: times.sort().at(-1) };
}
