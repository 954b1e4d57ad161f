/** One job of a pipeline. */
export interface Job {
  readonly template: string;
  readonly version: string;
}

/** How many jobs GitHub starts from one matrix: "A matrix will generate a maximum of 256 jobs per workflow run" (GitHub Docs, workflow syntax). */
export const MOST_JOBS = 256;

/** Every template at every version, template by template; each pair once. */
export function allJobs(templates: readonly string[], versions: readonly string[]): readonly Job[] {
  return [...new Set(templates)].flatMap((template) =>
    [...new Set(versions)].map((version) => ({ template, version })),
  );
}
