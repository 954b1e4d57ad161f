import type { Manifest } from "../entry";
import { entryOf, moved, refused, type MoveFacts } from "./move";
import { channelsAt } from "./pointing";
import { rollbackTarget } from "./rollback";

/**
 * Withdraws a version. Channels that point at it are taken back when `withRollback` says so (or cleared where there is
 * nothing to go back to); otherwise they are left, and using them fails with the reason. One that was withdrawn already stays
 * as it is.
 * @throws Failure CHANNEL_REFUSED (exit 2) for a version that is not there, or of which nothing is left
 */
export function revoke(
  manifest: Manifest,
  id: string,
  facts: MoveFacts & { readonly reason: string },
  withRollback: boolean,
): Manifest {
  const entry = entryOf(manifest, id);
  if (entry.status === "removed")
    throw refused(`${id} was removed: nobody can use it any more.`, "There is nothing to revoke.");
  const { at, by, reason } = facts;
  const revoked: Manifest =
    entry.status === "revoked"
      ? manifest
      : {
          ...manifest,
          versions: {
            ...manifest.versions,
            [id]: { ...entry, status: "revoked", revocation: { reason, at, by }, updatedAt: at },
          },
        };
  if (!withRollback) return revoked;
  return channelsAt(manifest, id).reduce((after, channel) => {
    const target = rollbackTarget(after, entry.template, channel) ?? null;
    return moved(after, entry.template, channel, target, "revoke", facts);
  }, revoked);
}
