import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry, VersionDeployment } from "../manifest/entry";
import { NOT_RECORDED, versionId } from "../manifest/entry";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import type { Counts } from "./request";

/** The counts of a report, without its checks. */
export function countsOf(report: SmokeReport): Counts {
  const { passed, failed, skipped, durationMs } = report;
  return { passed, failed, skipped, durationMs };
}

const MOUNT_CHECK = "Mesa mounts, is written and read back";

/** A report as the manifest keeps it. */
function evidenceOf(
  report: SmokeReport,
): Counts & { readonly checksDigest: string; readonly mounted: boolean; readonly notRun: string[] } {
  return {
    ...countsOf(report),
    checksDigest: NOT_RECORDED,
    mounted: report.checks.some(({ name, outcome }) => name === MOUNT_CHECK && outcome === "passed"),
    notRun: report.checks.filter(({ outcome }) => outcome === "skipped").map(({ name }) => name),
  };
}

/** A deployment as the manifest keeps it, with what was seen in it. */
export function deploymentRecord(
  deployment: Deployment,
  verification: SmokeReport | null,
  at: string,
): VersionDeployment {
  return {
    ...deployment,
    verification: verification === null ? null : { ...evidenceOf(verification), image: deployment.image, at },
  };
}

export interface EntryFacts {
  readonly rendered: RenderedTemplate;
  readonly revision: number;
  readonly status: "smoked" | "deployed" | "verified" | "failed";
  readonly image: Image;
  readonly smoke: SmokeReport;
  readonly verification: SmokeReport | null;
  readonly deployment: Deployment | null;
  /** When the verification was made, ISO 8601. */
  readonly verifiedAt: string;
  readonly failure: { readonly stage: string; readonly code: string; readonly message: string } | null;
  readonly createdAt: string;
  readonly createdBy: { readonly commit: string | null; readonly ci: string | null };
}

/** The manifest entry of a template version. */
export function entryFrom(facts: EntryFacts): ManifestEntry {
  const { rendered, image } = facts;
  return {
    id: versionId(rendered.template, rendered.mesaVersion, facts.revision),
    template: rendered.template,
    mesaVersion: rendered.mesaVersion,
    revision: facts.revision,
    inputsDigest: rendered.inputsDigest,
    status: facts.status,
    image: { id: image.id, sizeBytes: image.sizeBytes, layers: image.layers.length },
    smoke: { ...evidenceOf(facts.smoke), imageId: image.id, inputsDigest: rendered.inputsDigest },
    deployments:
      facts.deployment === null
        ? {}
        : {
            [facts.deployment.workspace]: deploymentRecord(
              facts.deployment,
              facts.verification,
              facts.verifiedAt,
            ),
          },
    failure:
      facts.failure === null
        ? null
        : {
            ...facts.failure,
            ...(facts.deployment === null ? {} : { workspace: facts.deployment.workspace }),
          },
    createdAt: facts.createdAt,
    createdBy: { ...facts.createdBy },
  };
}
