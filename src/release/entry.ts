import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry, Verification } from "../manifest/entry";
import { versionId } from "../manifest/entry";
import { inWorkspace, summaryStatus } from "../manifest/versions/in-workspace";
import { recordOf, type Smoked } from "./evidence";
import type { TemplateResult } from "./request";

/** What a run came to, as far as its entry tells it. */
export interface NewEntry {
  readonly smoke: Smoked;
  readonly deployment: Deployment | undefined;
  readonly verification: Verification | null;
  readonly failure: ManifestEntry["failure"];
  readonly revision: number;
  /** The entry that is continued. */
  readonly before: ManifestEntry | undefined;
  readonly createdAt: string;
  readonly createdBy: ManifestEntry["createdBy"];
}

/** The manifest entry of a template version. A failure in a workspace that this run did not deploy to stays. */
export function entryOf(run: NewEntry): ManifestEntry {
  const { smoke, deployment, before, verification } = run;
  const { image } = smoke;
  const standing = before?.failure ?? null;
  const otherFailure =
    standing !== null && (deployment === undefined || standing.workspace !== deployment.workspace);
  const entry = {
    id: versionId(image.template, image.mesaVersion, run.revision),
    template: image.template,
    mesaVersion: image.mesaVersion,
    revision: run.revision,
    inputsDigest: smoke.inputsDigest,
    image: { id: image.id, sizeBytes: image.sizeBytes, layers: image.layers.length },
    smoke: {
      ...recordOf(smoke.report, smoke.checksDigest),
      imageId: smoke.imageId,
      inputsDigest: smoke.inputsDigest,
    },
    deployments: deployment === undefined ? {} : { [deployment.workspace]: { ...deployment, verification } },
    failure: run.failure ?? (otherFailure ? standing : null),
    createdAt: before?.createdAt ?? run.createdAt,
    createdBy: before?.createdBy ?? run.createdBy,
  };
  return { ...entry, status: summaryStatus({ ...entry, status: "smoked" }) };
}

/** A template's result as its manifest entry tells it, in the workspace in use. */
export function resultOf(
  entry: ManifestEntry,
  workspace: string | undefined,
): Omit<TemplateResult, "stages"> {
  const view = inWorkspace(entry, workspace);
  return {
    template: entry.template,
    id: entry.id,
    status: workspace === undefined ? entry.status : view.status,
    upToDate: false,
    image: entry.image,
    smoke: entry.smoke,
    verification: view.verification,
    deployment: view.deployment,
  };
}
