import {
  checkLock,
  loadUpstream,
  readAnyLock,
  readLockAndCompare,
  writeLock,
  type LockProblem,
  type Upstream,
} from "../lock/index";
import type { Lock } from "../lock/lock";
import { loadTemplate } from "../render/source";
import { onTemplate } from "../support/errors";
import { readIfPresent } from "../support/files";
import type { Host } from "../support/host";
import { paths } from "../support/paths";
import { resolveInputs } from "./fresh-lock";
import type { Target } from "./request";

export interface LockAllRequest {
  readonly root: string;
  readonly upstreamPath: string;
  readonly targets: readonly Target[];
  /** Resolve again what is already locked. */
  readonly relock: boolean;
  readonly dryRun: boolean;
  /** Fingerprint of a key of the package repository to trust from now on. */
  readonly trustKey: string | undefined;
}

export interface LockResult {
  readonly template: string;
  readonly outcome: "locked" | "relocked" | "unchanged" | "kept" | "would-lock" | "failed";
  readonly path: string;
  readonly lock?: Lock;
  readonly error?: unknown;
}

/** Locks each target. A failed one is a result with `error`; the others are locked. @throws Failure if upstream.toml is invalid */
export async function lockAll(host: Host, request: LockAllRequest): Promise<readonly LockResult[]> {
  const upstream = await loadUpstream(request.upstreamPath);
  return Promise.all(
    request.targets.map(async (target) => {
      const { template, version } = target;
      const found = { template, path: paths(request.root).lockFile(template, version) };
      try {
        return { ...found, ...(await lockOne(host, request, upstream, target)) };
      } catch (error) {
        return {
          ...found,
          outcome: "failed" as const,
          error: onTemplate(error, template),
        };
      }
    }),
  );
}

async function lockOne(
  host: Host,
  { root, relock, dryRun, trustKey }: LockAllRequest,
  upstream: Upstream,
  target: Target,
): Promise<Pick<LockResult, "outcome" | "lock">> {
  const path = paths(root).lockFile(target.template, target.version);
  const { settings } = await loadTemplate(root, target.template);
  const { lock: previous, stale } = relock
    ? { lock: await readAnyLock(path), stale: [] }
    : await readLockAndCompare(path, { settings, upstream });
  if (previous !== undefined && stale.length === 0 && !relock) return { outcome: "kept", lock: previous };
  if (dryRun) return { outcome: "would-lock" };
  const { lock } = await resolveInputs(host, upstream, { ...target, root, previous, trustKey });
  if (lock === previous) return { outcome: "unchanged", lock };
  await writeLock(path, lock);
  return { outcome: previous === undefined ? "locked" : "relocked", lock };
}

export interface CheckedLock {
  readonly template: string;
  readonly mesaVersion: string;
  readonly path: string;
  readonly problems: readonly LockProblem[];
}

/** The problems of each target's lock. Makes no requests. */
export async function checkLocks({
  root,
  upstreamPath,
  targets,
}: Pick<LockAllRequest, "root" | "upstreamPath" | "targets">): Promise<readonly CheckedLock[]> {
  const upstream = await loadUpstream(upstreamPath);
  return Promise.all(
    targets.map(async ({ template, version: mesaVersion }) => {
      const path = paths(root).lockFile(template, mesaVersion);
      const [{ settings }, text] = await Promise.all([loadTemplate(root, template), readIfPresent(path)]);
      const expected = { template, mesaVersion, settings, upstream, path };
      return { template, mesaVersion, path, problems: checkLock(text?.toString("utf8"), expected) };
    }),
  );
}
