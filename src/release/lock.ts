import { compareInputs } from "../compare/compare";
import type { Comparison } from "../compare/comparison";
import { readAnyLock, resolveLock, writeLock } from "../lock/index";
import type { Lock } from "../lock/lock";
import type { ManifestEntry } from "../manifest/entry";
import { measuredVersion } from "../record/store";
import { renderTemplate, textsOf } from "../render/index";
import { loadTemplate, type TemplateSource } from "../render/source";
import { onTemplate } from "../support/errors";
import { paths } from "../support/files/paths";
import { fittingLock } from "./facts";
import type { LockRequest, Target } from "./request";
import { sourcesOf, type Run } from "./run";

interface InputsRequest extends Target {
  readonly trustKey?: LockRequest["trustKey"];
  /** The existing lock of the same version; returned if its inputs are unchanged. */
  readonly previous?: Lock | undefined;
}

/** All inputs of a version as of now. Writes nothing. Failures as in loadTemplate and resolveLock. */
async function resolveInputs(
  run: Run,
  { version, ...request }: InputsRequest,
): Promise<{ readonly source: TemplateSource; readonly lock: Lock }> {
  const { root } = run;
  const sources = await sourcesOf(run);
  const source = await loadTemplate(root, request.template);
  const asked = { ...request, root, mesaVersion: version, settings: source.settings };
  return { source, lock: await resolveLock(sources, asked) };
}

/** Resolves a version again, next to the existing lock. */
export async function resolveAgain(
  run: Run,
  { template, version, trustKey }: LockRequest,
): Promise<{ readonly lock: Lock; readonly previous: Lock | undefined }> {
  const previous = await readAnyLock(paths(run.root).lockFile(template, version));
  const { lock } = await resolveInputs(run, { template, version, trustKey, previous });
  return { lock, previous };
}

/** Resolves a version again and writes its lock; keeps the existing one if nothing has changed. */
export async function lockAgain(run: Run, request: LockRequest): ReturnType<typeof resolveAgain> {
  const found = await resolveAgain(run, request);
  if (found.lock !== found.previous)
    await writeLock(paths(run.root).lockFile(request.template, request.version), found.lock);
  return found;
}

/**
 * Compares a version with what its template would be made from at a Mesa version now. Builds and writes nothing.
 * @param id what the fresh side is called
 * @throws Failure NOT_MEASURED (exit 8) without the version's record, and as resolveInputs and renderTemplate
 */
export async function compareWithFreshLock(
  run: Run,
  entry: ManifestEntry,
  version: string,
  id: string,
): Promise<Comparison> {
  const { template } = entry;
  const { record } = await measuredVersion(run.root, entry);
  const previous = entry.mesaVersion === version ? record.lock : undefined;
  const { source, lock } = await resolveInputs(run, { template, version, previous });
  return compareInputs(record, { id, lock, rendered: textsOf(renderTemplate(source, lock).files) });
}

export interface LockAllRequest {
  readonly targets: readonly Target[];
  /** Resolve again what is already locked. */
  readonly relock: boolean;
  readonly dryRun: boolean;
  readonly trustKey: LockRequest["trustKey"];
}

export interface LockResult {
  readonly template: string;
  readonly outcome: "locked" | "relocked" | "unchanged" | "kept" | "would-lock" | "failed";
  readonly path: string;
  readonly lock?: Lock;
  readonly error?: unknown;
}

/** Locks each target. A failed one is a result with `error`; the others are locked. @throws Failure if upstream.toml is invalid */
export async function lockAll(run: Run, request: LockAllRequest): Promise<readonly LockResult[]> {
  await run.upstream();
  return Promise.all(
    request.targets.map(async (target) => {
      const { template, version } = target;
      const found = { template, path: paths(run.root).lockFile(template, version) };
      try {
        return { ...found, ...(await lockOne(run, request, target)) };
      } catch (error) {
        return { ...found, outcome: "failed" as const, error: onTemplate(error, template) };
      }
    }),
  );
}

async function lockOne(
  run: Run,
  { relock, dryRun, trustKey }: LockAllRequest,
  target: Target,
): Promise<Pick<LockResult, "outcome" | "lock">> {
  const source = await loadTemplate(run.root, target.template);
  const { lock: fitting } = await fittingLock(run.root, { ...target, relock }, source, await run.upstream());
  if (fitting !== undefined) return { outcome: "kept", lock: fitting };
  if (dryRun) return { outcome: "would-lock" };
  const { lock, previous } = await lockAgain(run, { ...target, trustKey });
  if (lock === previous) return { outcome: "unchanged", lock };
  return { outcome: previous === undefined ? "locked" : "relocked", lock };
}
