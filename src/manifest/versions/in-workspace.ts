import {
  isWithdrawn,
  type ManifestEntry,
  type Verification,
  type VersionDeployment,
  type VersionStatus,
} from "../entry";

/** A version as one workspace sees it. */
export interface WorkspaceView {
  readonly status: VersionStatus;
  readonly deployment: VersionDeployment | null;
  readonly verification: Verification | null;
}

type Facts = Pick<ManifestEntry, "status" | "deployments" | "failure">;

/**
 * A version's status in one workspace; `undefined`: in none, so only facts of all workspaces count. A deployment whose image was removed
 * does not count.
 */
export function inWorkspace(entry: Facts, workspace: string | undefined): WorkspaceView {
  const recorded =
    workspace !== undefined && Object.hasOwn(entry.deployments, workspace)
      ? entry.deployments[workspace]
      : undefined;
  const deployment = recorded === undefined || recorded.removedAt !== undefined ? null : recorded;
  return {
    status: isWithdrawn(entry.status)
      ? entry.status
      : recorded !== undefined && deployment === null
        ? "removed"
        : statusOf(entry.failure, workspace, deployment),
    deployment,
    verification: deployment?.verification ?? null,
  };
}

function statusOf(
  failure: ManifestEntry["failure"],
  workspace: string | undefined,
  deployment: VersionDeployment | null,
): VersionStatus {
  const failedHere = failure !== null && (failure.workspace === undefined || failure.workspace === workspace);
  if (failedHere || (deployment?.verification?.failed ?? 0) > 0) return "failed";
  if (deployment === null) return "smoked";
  return deployment.verification === null ? "deployed" : "verified";
}

const FURTHEST = ["verified", "deployed", "failed", "removed", "smoked"] as const;

/** The furthest status of a version in any workspace, from its deployments and its failure. */
export function reachedStatus(entry: Pick<Facts, "deployments" | "failure">): VersionStatus {
  const workspaces = [...Object.keys(entry.deployments), entry.failure?.workspace];
  const seen = new Set(
    workspaces.map((workspace) => inWorkspace({ ...entry, status: "smoked" }, workspace).status),
  );
  return FURTHEST.find((status) => seen.has(status)) ?? "smoked";
}

/** Whether no workspace has an image. */
export function isGone(deployments: Facts["deployments"]): boolean {
  return Object.values(deployments).every(({ removedAt }) => removedAt !== undefined);
}

/** Like reachedStatus, but revoked and removed versions stay so. */
export function summaryStatus(entry: Facts): VersionStatus {
  return isWithdrawn(entry.status) ? entry.status : reachedStatus(entry);
}

/** The displayed status: in one workspace; `undefined`: the furthest in any. */
export function statusShown(entry: Facts, workspace: string | undefined): VersionStatus {
  return workspace === undefined ? entry.status : inWorkspace(entry, workspace).status;
}

/** The displayed images: of one workspace; `undefined`: of all, with their names. "" if there is none. */
export function imagesShown(entry: Facts, workspace: string | undefined): string {
  if (workspace !== undefined) return inWorkspace(entry, workspace).deployment?.image ?? "";
  return Object.keys(entry.deployments)
    .flatMap((name) => {
      const { deployment } = inWorkspace(entry, name);
      return deployment === null ? [] : `${deployment.image} (${name})`;
    })
    .join(", ");
}

/** An entry in JSON: its own fields, and its state in the workspace in use. */
export function entryDocument(entry: ManifestEntry, workspace: string | undefined) {
  const { deployment, verification } = inWorkspace(entry, workspace);
  return { ...entry, deployment, verification };
}
