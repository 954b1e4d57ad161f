import type { Manifest } from "../manifest/entry";
import { newestEntry } from "../release/up-to-date";

/** One job of a pipeline. */
export interface Job {
  readonly template: string;
  readonly version: string;
}

/** How many jobs GitHub starts from one matrix: "A matrix will generate a maximum of 256 jobs per workflow run" (GitHub Docs, workflow syntax). */
export const MOST_JOBS = 256;

/**
 * Whether a template version is still to be released: it is not verified with what the template and its lock give now.
 * What was withdrawn stays withdrawn until somebody asks for it by name.
 */
export function isUnfinished(manifest: Manifest, { template, version }: Job, inputsDigest: string): boolean {
  const newest = newestEntry(Object.values(manifest.versions), template, version);
  if (newest === undefined) return true;
  if (newest.status === "revoked" || newest.status === "removed") return false;
  return newest.status !== "verified" || newest.inputsDigest !== inputsDigest;
}

/** Every template at every version, template by template; each pair once. */
export function allJobs(templates: readonly string[], versions: readonly string[]): readonly Job[] {
  return [...new Set(templates)].flatMap((template) =>
    [...new Set(versions)].map((version) => ({ template, version })),
  );
}
