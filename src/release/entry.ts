import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry, Verification } from "../manifest/entry";
import { versionId } from "../manifest/entry";
import { inWorkspace, summaryStatus } from "../manifest/versions/in-workspace";
import type { Published } from "../publish/published";
import { recordOf, type Smoked } from "./evidence";
import type { TemplateResult } from "./request";

/** What a run came to, as far as its entry tells it. */
export interface NewEntry {
  /** Undefined: the entry that is continued holds it. */
  readonly smoke: Smoked | undefined;
  /** The image in the registry; undefined: it was not published. */
  readonly published: Published | undefined;
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

/** What the entry says of the version and its proof. An image that was published stays so while the entry names that image. */
function imageOf({ smoke, before, published, revision }: NewEntry) {
  const registry =
    published === undefined
      ? {}
      : { registryDigest: published.digest, registryReference: published.reference };
  if (smoke === undefined) {
    if (before === undefined) throw new Error("a version is recorded before it is proven");
    const { id, template, mesaVersion, inputsDigest } = before;
    const { image, smoke: proof } = before;
    return {
      id,
      template,
      mesaVersion,
      revision,
      inputsDigest,
      image: { ...image, ...registry },
      smoke: proof,
    };
  }
  const { image, inputsDigest, imageId } = smoke;
  const { registryDigest, registryReference } = before?.image.id === image.id ? before.image : {};
  return {
    id: versionId(image.template, image.mesaVersion, revision),
    ...{ template: image.template, mesaVersion: image.mesaVersion, revision, inputsDigest },
    image: {
      ...{ id: image.id, sizeBytes: image.sizeBytes, layers: image.layers.length },
      ...(registryDigest === undefined ? {} : { registryDigest }),
      ...(registryReference === undefined ? {} : { registryReference }),
      ...registry,
    },
    smoke: { ...recordOf(smoke.report, smoke.checksDigest), imageId, inputsDigest },
  };
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
