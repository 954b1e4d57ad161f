import { Failure } from "../../support/errors";
import { channelsAt } from "../channels/pointing";
import type { Manifest, ManifestEntry, VersionDeployment } from "../entry";
import { inWorkspace, type WorkspaceView } from "./in-workspace";

/** All workspaces with deployments of any version, sorted. */
export function workspacesOf(manifest: Manifest): readonly string[] {
  const names = Object.values(manifest.versions).flatMap(({ deployments }) => Object.keys(deployments));
  return [...new Set(names)].sort();
}

/**
 * The workspace in use or, if unknown, the only one there is.
 * @returns undefined if nothing was ever deployed
 * @throws Failure WORKSPACE_UNKNOWN (exit 2) listing them if there are several
 */
export function workspaceAsked(manifest: Manifest, inUse: string | undefined): string | undefined {
  if (inUse !== undefined) return inUse;
  const all = workspacesOf(manifest);
  if (all.length <= 1) return all[0];
  throw new Failure({
    code: "WORKSPACE_UNKNOWN",
    kind: "usage",
    message: `Which workspace? There are deployments in ${all.join(", ")}, and neither --workspace nor BL_WORKSPACE names one.`,
    hint: `Give one: --workspace ${all[0] ?? "NAME"}.`,
  });
}

/** The command that deploys a version to a workspace. */
export function deployCommandFor(entry: ManifestEntry, workspace: string | undefined): string {
  return `mesa-template release ${entry.mesaVersion} --template ${entry.template}${workspace === undefined ? "" : ` --workspace ${workspace}`}`;
}

/** Other workspaces of a version: " (it is deployed in staging)", or "". */
function elsewhere(entry: ManifestEntry): string {
  const others = Object.keys(entry.deployments).filter(
    (workspace) => inWorkspace(entry, workspace).deployment !== null,
  );
  return others.length === 0 ? "" : ` (it is deployed in ${others.join(", ")})`;
}

/**
 * A version's deployment in a workspace, and its status there.
 * @throws Failure NOT_DEPLOYED (exit 7)
 */
export function deployedIn(
  entry: ManifestEntry,
  workspace: string | undefined,
): WorkspaceView & { readonly deployment: VersionDeployment } {
  const { deployment, ...view } = inWorkspace(entry, workspace);
  if (deployment !== null) return { ...view, deployment };
  const failure =
    view.status === "failed"
      ? `; ${entry.failure?.stage ?? "its deployment"} failed: ${(entry.failure?.message ?? "no cause recorded").replace(/\.$/u, "")}`
      : "";
  const where = workspace === undefined ? "any workspace" : `the workspace ${workspace}`;
  throw new Failure({
    code: "NOT_DEPLOYED",
    kind: "deploy",
    message:
      view.status === "removed"
        ? `${entry.id} was removed: its image no longer exists.`
        : `${entry.id} is not deployed in ${where}${elsewhere(entry)}${failure}.`,
    hint: `Deploy it: ${deployCommandFor(entry, workspace)}.`,
  });
}

/**
 * The immutable image of a version in a workspace, if it may be used. A version that a channel points at stays usable after a later failed
 * verification; revoking it is a separate decision.
 * @throws Failure REVOKED (exit 2) with the reason; NOT_DEPLOYED, NOT_VERIFIED (exit 7)
 */
export function usableImage(manifest: Manifest, entry: ManifestEntry, workspace: string | undefined): string {
  if (entry.status === "revoked") throw revokedFailure(entry);
  const { status, deployment } = deployedIn(entry, workspace);
  if (status === "failed" && channelsAt(manifest, entry.id).length === 0)
    throw new Failure({
      code: "NOT_VERIFIED",
      kind: "deploy",
      message: `${entry.id} is deployed in the workspace ${deployment.workspace}, but failed there: ${entry.failure?.message ?? "its verification failed"}`,
      hint: `Verify it again: mesa-template verify ${entry.id}.`,
    });
  return deployment.image;
}

/** The failure for a revoked version, with the reason. */
export function revokedFailure(
  entry: ManifestEntry,
  subject = entry.id,
  hint = `Use another version; mesa-template unrevoke ${entry.id} --reason … undoes the revocation.`,
): Failure {
  return new Failure({
    code: "REVOKED",
    kind: "usage",
    message: `${subject} was revoked: ${entry.revocation?.reason ?? "no reason given"}.`,
    hint,
  });
}
