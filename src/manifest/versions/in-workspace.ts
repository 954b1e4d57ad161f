import type { ManifestEntry, Verification, VersionDeployment, VersionStatus } from "../entry";

/** What one workspace sees of a version. */
export interface WorkspaceView {
  readonly status: VersionStatus;
  readonly deployment: VersionDeployment | null;
  readonly verification: Verification | null;
}

type Facts = Pick<ManifestEntry, "status" | "deployments" | "failure">;

/**
 * How far a version has come in one workspace; `undefined`: in none, only what concerns all workspaces counts. A deployment
 * whose image was removed is none.
 */
export function inWorkspace(entry: Facts, workspace: string | undefined): WorkspaceView {
  const recorded =
    workspace !== undefined && Object.hasOwn(entry.deployments, workspace)
      ? entry.deployments[workspace]
      : undefined;
  const deployment = recorded === undefined || recorded.removedAt !== undefined ? null : recorded;
  const withdrawn = entry.status === "revoked" || entry.status === "removed";
  return {
    status: withdrawn
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

/** The furthest that a version has come in any workspace, by its deployments and its failure. */
export function reachedStatus(entry: Pick<Facts, "deployments" | "failure">): VersionStatus {
  const workspaces = [...Object.keys(entry.deployments), entry.failure?.workspace];
  const seen = new Set(
    workspaces.map((workspace) => inWorkspace({ ...entry, status: "smoked" }, workspace).status),
  );
  return FURTHEST.find((status) => seen.has(status)) ?? "smoked";
}

/** The same; a version that was revoked or removed stays so. */
export function summaryStatus(entry: Facts): VersionStatus {
  return entry.status === "revoked" || entry.status === "removed" ? entry.status : reachedStatus(entry);
}

/** The status that people are shown: in one workspace; `undefined`: the furthest in any. */
export function statusShown(entry: Facts, workspace: string | undefined): VersionStatus {
  return workspace === undefined ? entry.status : inWorkspace(entry, workspace).status;
}

/**
 * The images that people are shown: of one workspace; `undefined`: of all, by name. "" where there is none.
 */
export function imagesShown(entry: Facts, workspace: string | undefined): string {
  if (workspace !== undefined) return inWorkspace(entry, workspace).deployment?.image ?? "";
  return Object.keys(entry.deployments)
    .flatMap((name) => {
      const { deployment } = inWorkspace(entry, name);
      return deployment === null ? [] : `${deployment.image} (${name})`;
    })
    .join(", ");
}

/** An entry as JSON shows it: its own fields, and what the workspace in use sees. */
export function entryDocument(
  entry: ManifestEntry,
  workspace: string | undefined,
): ManifestEntry & Pick<WorkspaceView, "deployment" | "verification"> {
  const { deployment, verification } = inWorkspace(entry, workspace);
  return { ...entry, deployment, verification };
}
