import type { Manifest, ManifestEntry } from "../entry";
import { reachedStatus } from "../versions/in-workspace";
import { entryOf, moved, noted, refused, type MoveFacts } from "./move";
import { channelsAt } from "./pointing";
import { rollbackTarget } from "./rollback";

type ReasonedFacts = MoveFacts & { readonly reason: string };

function withEntry(manifest: Manifest, entry: ManifestEntry): Manifest {
  return { ...manifest, versions: { ...manifest.versions, [entry.id]: entry } };
}

/**
 * Revokes a version and records that in the history. Channels that point at it roll back only with `withRollback` (or end if there is
 * nothing to roll back to); otherwise they stay, and using them fails with the reason. Revoking again changes nothing.
 * @throws Failure CHANNEL_REFUSED (exit 2) for a version that does not exist or was removed
 */
export function revoke(
  manifest: Manifest,
  id: string,
  facts: ReasonedFacts,
  withRollback: boolean,
): Manifest {
  const entry = entryOf(manifest, id);
  if (entry.status === "removed") throw refused(`${id} was removed.`, "It cannot be used.");
  const { at, by, reason } = facts;
  const revoked =
    entry.status === "revoked"
      ? manifest
      : noted(
          withEntry(manifest, {
            ...entry,
            status: "revoked",
            revocation: { reason, at, by },
            updatedAt: at,
          }),
          { template: entry.template, channel: null, action: "revoke", from: id, to: null },
          facts,
        );
  if (!withRollback) return revoked;
  return channelsAt(manifest, id).reduce((after, channel) => {
    const target = rollbackTarget(after, entry.template, channel) ?? null;
    return moved(after, entry.template, channel, target, "revoke", facts);
  }, revoked);
}

/**
 * Lifts a revocation and records that in the history; the version's status again follows from its deployments.
 * @throws Failure CHANNEL_REFUSED (exit 2) for a version that does not exist or is not revoked
 */
export function unrevoke(manifest: Manifest, id: string, facts: ReasonedFacts): Manifest {
  const entry = entryOf(manifest, id);
  const { at, by, reason } = facts;
  const { revocation } = entry;
  if (entry.status !== "revoked" || revocation === undefined)
    throw refused(`${id} is not revoked: it is ${entry.status}.`, "There is nothing to undo.");
  const lifted: ManifestEntry = {
    ...entry,
    status: reachedStatus(entry),
    revocation: { ...revocation, lifted: { reason, at, by } },
    updatedAt: at,
  };
  const { template } = entry;
  return noted(
    withEntry(manifest, lifted),
    { template, channel: null, action: "unrevoke", from: null, to: id },
    facts,
  );
}
