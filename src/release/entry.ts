import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { ManifestEntry } from "../manifest/entry";
import { versionId } from "../manifest/entry";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import type { Counts } from "./request";

/** The counts of a report, without its checks. */
export function countsOf(report: SmokeReport): Counts {
  const { passed, failed, skipped, durationMs } = report;
  return { passed, failed, skipped, durationMs };
}

export interface EntryFacts {
  readonly rendered: RenderedTemplate;
  readonly revision: number;
  readonly status: "smoked" | "deployed" | "verified" | "failed";
  readonly image: Image;
  readonly smoke: SmokeReport;
  readonly verification: SmokeReport | null;
  readonly deployment: Deployment | null;
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
    smoke: { ...countsOf(facts.smoke) },
    verification: facts.verification === null ? null : { ...countsOf(facts.verification) },
    deployment: facts.deployment === null ? null : { ...facts.deployment },
    failure: facts.failure === null ? null : { ...facts.failure },
    createdAt: facts.createdAt,
    createdBy: { ...facts.createdBy },
  };
}
