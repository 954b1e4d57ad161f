import { Failure } from "../../support/errors";
import type { Manifest, ManifestEntry } from "../entry";
import { versionNamed } from "../channels/pointing";
import { isGone, summaryStatus } from "./in-workspace";

/**
 * Puts an entry into the manifest. Keeps the version's unknown fields, its deployments in other workspaces, and what was removed meanwhile.
 * Derives the status from deployments and failure; a revoked version stays so, and a removed one that no workspace has an image of.
 * @param at time, ISO 8601
 * @throws Failure VERSION_TAKEN (exit 8) if the manifest has another version of this id
 */
export function recordEntry(manifest: Manifest, entry: ManifestEntry, at: string): Manifest {
  const before = versionNamed(manifest, entry.id);
  if (before !== undefined && before.inputsDigest !== entry.inputsDigest)
    throw new Failure({
      code: "VERSION_TAKEN",
      kind: "manifest",
      message: `${entry.id} was recorded with other inputs while this run made it: the manifest comes from another branch or checkout.`,
      hint: "Run again: it becomes the next revision, and finished stages are kept.",
    });
  const deployments = { ...before?.deployments, ...entry.deployments };
  for (const [workspace, was] of Object.entries(before?.deployments ?? {}))
    if (was.removedAt !== undefined && was.deployedAt === deployments[workspace]?.deployedAt)
      deployments[workspace] = was;
  const stays = before?.status === "revoked" || (before?.status === "removed" && isGone(deployments));
  const merged = {
    ...before,
    ...entry,
    deployments,
    ...(stays ? { status: before.status } : {}),
    updatedAt: at,
  };
  const recorded = { ...merged, status: summaryStatus(merged) };
  return { ...manifest, versions: { ...manifest.versions, [entry.id]: recorded } };
}

/** Images that were removed. */
export interface RemovedImages {
  /** Images of deployments. */
  readonly deployments: readonly { readonly id: string; readonly workspace: string }[];
  /** Ids of never deployed versions whose own image was removed. */
  readonly neverDeployed: readonly string[];
}

/** The manifest after images were removed; their records stay. A version without any image is `removed`. */
export function withRemovals(manifest: Manifest, removed: RemovedImages, at: string): Manifest {
  const versions = Object.entries(manifest.versions).map(([id, entry]): [string, ManifestEntry] => {
    const workspaces = removed.deployments.filter((one) => one.id === id).map(({ workspace }) => workspace);
    const never = removed.neverDeployed.includes(id) && Object.keys(entry.deployments).length === 0;
    if (workspaces.length === 0 && !never) return [id, entry];
    const deployments = Object.fromEntries(
      Object.entries(entry.deployments).map(([workspace, deployment]) => [
        workspace,
        workspaces.includes(workspace) ? { ...deployment, removedAt: at } : deployment,
      ]),
    );
    const after = { ...entry, deployments, updatedAt: at };
    const withdrawn = entry.status === "revoked";
    return [id, { ...after, status: never && !withdrawn ? "removed" : summaryStatus(after) }];
  });
  return { ...manifest, versions: Object.fromEntries(versions) };
}
