import type { ManifestEntry } from "../manifest/entry";
import { newestDeployment } from "../manifest/versions/in-workspace";
import type { TemplateResult } from "./request";

/** A template's result as its manifest entry tells it. */
export function resultOf(entry: ManifestEntry): Omit<TemplateResult, "stages"> {
  const deployment = newestDeployment(entry) ?? null;
  return {
    template: entry.template,
    id: entry.id,
    status: entry.status,
    upToDate: false,
    image: entry.image,
    smoke: entry.smoke,
    verification: deployment?.verification ?? null,
    deployment,
  };
}

/** The answer for a version with nothing to do. */
export function upToDateResult(entry: ManifestEntry, stages: TemplateResult["stages"]): TemplateResult {
  return {
    ...resultOf(entry),
    stages,
    upToDate: true,
    since: newestDeployment(entry)?.deployedAt ?? entry.createdAt,
  };
}
