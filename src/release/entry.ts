import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry, Verification } from "../manifest/entry";
import { versionId } from "../manifest/entry";
import { inWorkspace, summaryStatus } from "../manifest/versions/in-workspace";
import type { Published } from "../publish/published";
import { recordOf, type Smoked } from "./proof/evidence";
import type { TemplateResult } from "./request";

/** The result of a run, as the entry needs it. */
export interface NewEntry {
  /** Undefined: the continued entry has it. */
  readonly smoke: Smoked | undefined;
  /** The image in the registry; undefined: it was not published. */
  readonly published: Published | undefined;
  /** Who signed it in this run. */
  readonly signedBy: string | undefined;
  readonly deployment: Deployment | undefined;
  readonly verification: Verification | null;
  readonly failure: ManifestEntry["failure"];
  readonly revision: number;
  /** The continued entry. */
  readonly before: ManifestEntry | undefined;
  readonly createdAt: string;
  readonly createdBy: ManifestEntry["createdBy"];
}

/** The manifest entry of a template version. Keeps failures in workspaces that this run did not deploy to. */
export function entryOf(run: NewEntry): ManifestEntry {
  const { deployment, before, verification } = run;
  const image = imageOf(run);
  const standing = before?.failure ?? null;
  const otherFailure =
    standing !== null && (deployment === undefined || standing.workspace !== deployment.workspace);
  const entry = {
    ...image,
    deployments: deployment === undefined ? {} : { [deployment.workspace]: { ...deployment, verification } },
    failure: run.failure ?? (otherFailure ? standing : null),
    createdAt: before?.createdAt ?? run.createdAt,
    createdBy: before?.createdBy ?? run.createdBy,
  };
  return { ...entry, status: summaryStatus({ ...entry, status: "smoked" }) };
}

/** The version and its proof. */
function imageOf(run: NewEntry) {
  const { smoke, before, revision } = run;
  if (smoke === undefined) {
    if (before === undefined) throw new Error("a version is recorded before it is proven");
    const { id, template, mesaVersion, inputsDigest, image } = before;
    return {
      ...{ id, template, mesaVersion, revision, inputsDigest, smoke: before.smoke },
      image: { ...image, ...registryOf(run, image.id) },
    };
  }
  const { image, inputsDigest, imageId } = smoke;
  return {
    id: versionId(image.template, image.mesaVersion, revision),
    ...{ template: image.template, mesaVersion: image.mesaVersion, revision, inputsDigest },
    image: {
      ...{ id: image.id, sizeBytes: image.sizeBytes, layers: image.layers.length },
      ...registryOf(run, image.id),
    },
    smoke: { ...recordOf(smoke.report, smoke.checksDigest), imageId, inputsDigest },
  };
}

/** The image in a registry and its signer: from this run, else as before if it is the same image. */
function registryOf({ published, signedBy, before }: NewEntry, imageId: string) {
  const known = before?.image.id === imageId ? before.image : undefined;
  const registryDigest = published?.digest ?? known?.registryDigest;
  const registryReference = published?.reference ?? known?.registryReference;
  const isKnown = registryDigest === known?.registryDigest && registryReference === known?.registryReference;
  const signer = signedBy ?? (isKnown ? known?.signedBy : undefined);
  return {
    ...(registryDigest === undefined ? {} : { registryDigest }),
    ...(registryReference === undefined ? {} : { registryReference }),
    // Explicit undefined: otherwise an older signature of another image would remain.
    ...(signer === undefined && known?.signedBy === undefined ? {} : { signedBy: signer }),
  };
}

/** A template's result according to its manifest entry, in the workspace in use. */
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
