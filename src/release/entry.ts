import type { ManifestEntry, VersionDeployment } from "../manifest/entry";
import { versionId } from "../manifest/entry";
import { inWorkspace } from "../manifest/versions/in-workspace";
import type { Facts, Plan } from "./plan";
import type { TemplateResult } from "./request";

/** What a release adds to its facts when it is recorded. */
interface Outcome extends Pick<ManifestEntry, "failure" | "createdBy"> {
  /** In the workspace in use, with its verification; undefined: none was asked for. */
  readonly deployment: VersionDeployment | undefined;
  readonly at: string;
}

/** The manifest entry of a template version. Keeps failures in workspaces that this run did not deploy to. */
export function entryOf(
  facts: Facts,
  plan: Plan,
  { deployment, failure, at, createdBy }: Outcome,
): ManifestEntry {
  const before = plan.entry;
  const standing = before?.failure ?? null;
  const otherFailure =
    standing !== null && (deployment === undefined || standing.workspace !== deployment.workspace);
  return {
    ...provenVersion(facts, plan),
    // Recording it derives the status.
    status: "smoked",
    deployments: deployment === undefined ? {} : { [deployment.workspace]: deployment },
    failure: failure ?? (otherFailure ? standing : null),
    createdAt: before?.createdAt ?? at,
    createdBy,
  };
}

/** The version and its proof: from this run's evidence, else the continued entry's own. */
function provenVersion({ kept, signed }: Facts, { entry: before, revision = 1, inRegistry }: Plan) {
  if (kept.smoke === undefined) {
    if (before === undefined) throw new Error("a version is recorded before it is proven");
    const { id, template, mesaVersion, inputsDigest, image, smoke } = before;
    const signer = signed === undefined ? {} : { signedBy: signed };
    return { id, template, mesaVersion, revision, inputsDigest, smoke, image: { ...image, ...signer } };
  }
  const { smoke, image } = kept.smoke;
  const { template, mesaVersion } = image;
  const known = before?.image.id === image.id ? before.image : undefined;
  const registryDigest = inRegistry?.digest ?? known?.registryDigest;
  const registryReference = inRegistry?.reference ?? known?.registryReference;
  const isKnown = registryDigest === known?.registryDigest && registryReference === known?.registryReference;
  return {
    id: versionId(template, mesaVersion, revision),
    template,
    mesaVersion,
    revision,
    inputsDigest: smoke.inputsDigest,
    smoke,
    image: {
      id: image.id,
      sizeBytes: image.sizeBytes,
      layers: image.layers.length,
      registryDigest,
      registryReference,
      signedBy: signed ?? (isKnown ? known?.signedBy : undefined),
    },
  };
}

/** A template's result according to its manifest entry, in the workspace in use. */
export function resultOf(
  entry: ManifestEntry,
  workspace: string | undefined,
  stages: TemplateResult["stages"],
): TemplateResult {
  const { status, verification, deployment } = inWorkspace(entry, workspace);
  return {
    template: entry.template,
    id: entry.id,
    status: workspace === undefined ? entry.status : status,
    upToDate: false,
    stages,
    image: entry.image,
    smoke: entry.smoke,
    verification,
    deployment,
  };
}
