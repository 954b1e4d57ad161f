import { isWithdrawn, NOT_RECORDED, versionId, type Manifest, type ManifestEntry } from "./entry";
import { lastMove, pointers, versionNamed } from "./channels/pointing";
import { summaryStatus } from "./versions/in-workspace";

export interface ManifestProblem {
  readonly problem:
    | "wrong-id"
    | "wrong-status"
    | "wrong-evidence"
    | "wrong-workspace"
    | "mutable-image"
    | "wrong-revocation"
    | "failure-missing"
    | "missing-version"
    | "unusable-version"
    | "history-order"
    | "history-gap";
  /** The version's id, or template/channel. */
  readonly where: string;
  readonly message: string;
  /** The keys of the value in the file. */
  readonly path: readonly string[];
}

/** Whether a reference has a tag or digest that always names the same image. */
function isImmutable(image: string): boolean {
  return /@sha256:[0-9a-f]{64}$/u.test(image) || /^[^@\s]+:(?!latest$)[^:/@\s]+$/u.test(image);
}

type Found = Pick<ManifestProblem, "problem" | "message">;

/** Values of an entry that contradict each other. */
function problemsOf(id: string, entry: ManifestEntry): readonly Found[] {
  const found: Found[] = [];
  const add = (problem: ManifestProblem["problem"], message: string): void => {
    found.push({ problem, message });
  };
  const expected = versionId(entry.template, entry.mesaVersion, entry.revision);
  if (entry.id !== id || id !== expected)
    add("wrong-id", `it is stored under ${id}, its id is ${entry.id}, but its fields give ${expected}`);
  const { smoke, image, status, failure } = entry;
  if (smoke.failed > 0) add("wrong-evidence", `${String(smoke.failed)} of its smoke checks failed`);
  if (smoke.inputsDigest !== entry.inputsDigest)
    add("wrong-evidence", "its smoke evidence belongs to other inputs");
  if (smoke.imageId !== image.id && smoke.imageId !== NOT_RECORDED)
    add("wrong-evidence", "its smoke evidence belongs to another image");
  for (const [workspace, deployment] of Object.entries(entry.deployments)) {
    if (deployment.workspace !== workspace)
      add("wrong-workspace", `its deployment under ${workspace} names the workspace ${deployment.workspace}`);
    if (!isImmutable(deployment.image))
      add("mutable-image", `${deployment.image} (workspace ${workspace}) is not an immutable image`);
    if (deployment.verification !== null && deployment.verification.image !== deployment.image)
      add("wrong-evidence", `its verification in ${workspace} belongs to another image`);
  }
  const revoked = entry.revocation !== undefined && entry.revocation.lifted === undefined;
  if (status === "revoked" && !revoked)
    add("wrong-revocation", "its status is revoked, but it has no active revocation");
  if (revoked && !isWithdrawn(status))
    add("wrong-revocation", `its status is ${status}, but it has an active revocation`);
  if (status === "failed" && failure === null) add("failure-missing", "it failed, but has no failure");
  const derived = summaryStatus(entry);
  if (derived !== status)
    add(
      "wrong-status",
      `it claims to be ${status}; ${Object.keys(entry.deployments).length === 0 ? "it has no deployment" : "by its deployments and their verifications"}${failure === null ? "" : " and its failure"} it is ${derived}`,
    );
  return found;
}

/** Why a channel must not point at this version. */
function channelProblem(manifest: Manifest, template: string, id: string): Found | undefined {
  const entry = versionNamed(manifest, id);
  if (entry === undefined)
    return { problem: "missing-version", message: `it points at ${id}, which does not exist` };
  if (entry.template !== template)
    return { problem: "unusable-version", message: `it points at ${id}, a version of ${entry.template}` };
  // Using a revoked version fails later. A version that failed a later verification keeps its channels.
  if (entry.status === "removed" || Object.keys(entry.deployments).length === 0)
    return {
      problem: "unusable-version",
      message: `it points at ${id}, which ${entry.status === "removed" ? "was removed" : "was never deployed"}`,
    };
  return undefined;
}

/** Contradictions within a manifest. A manifest with contradictions is not read. */
export function contradictions(manifest: Manifest): readonly ManifestProblem[] {
  return [
    ...Object.entries(manifest.versions).flatMap(([id, entry]) =>
      problemsOf(id, entry).map((found) => ({ ...found, where: id, path: ["versions", id] })),
    ),
    ...pointers(manifest).flatMap(({ template, channel, id }) => {
      const found = channelProblem(manifest, template, id);
      const path = ["channels", template, channel];
      return found === undefined ? [] : [{ ...found, where: `${template}/${channel}`, path }];
    }),
  ];
}

/** All problems of a manifest with a valid form: contradictions, and gaps in the history. */
export function checkManifest(manifest: Manifest): readonly ManifestProblem[] {
  const problems = [...contradictions(manifest)];
  for (const { template, channel, id } of pointers(manifest)) {
    const last = lastMove(manifest, template, channel);
    if (last?.to !== id)
      problems.push({
        problem: "history-gap",
        where: `${template}/${channel}`,
        message: `it points at ${id}, its newest move went to ${last?.to ?? "nothing"}`,
        path: ["channels", template, channel],
      });
  }
  manifest.history.forEach((move, index) => {
    const add = (problem: ManifestProblem["problem"], message: string): void => {
      problems.push({ problem, where: `history ${String(index + 1)}`, message, path: ["history"] });
    };
    const before = manifest.history[index - 1];
    if (before !== undefined && before.at > move.at)
      add("history-order", "it is older than the move before it");
    if (move.to !== null && versionNamed(manifest, move.to) === undefined)
      add("missing-version", `it went to ${move.to}, which does not exist`);
  });
  return problems;
}
