/** State of the image before the push. */
export interface PushedBefore {
  readonly status: string | undefined;
  readonly updatedAt: string | undefined;
}

export interface PushedNow extends PushedBefore {
  /** Tags that were not there before, newest first. */
  readonly fresh: readonly string[];
}

export type PushJudgement =
  | { readonly is: "waiting" }
  | { readonly is: "built"; readonly tag: string }
  | { readonly is: "several" }
  | { readonly is: "unchanged" }
  | { readonly is: "failed" };

/** How long a FAILED that was there before is taken for a left-over, in ms. */
const STALE_FAILURE_MS = 15_000;

/**
 * What the image's state means for the push that is waited for. A new tag is its proof. BUILT and FAILED may be left over
 * from the push before: BUILT without a new tag is waited on for the grace, a FAILED that has not moved for some seconds.
 */
export function judgePush(
  before: PushedBefore,
  now: PushedNow,
  elapsedMs: number,
  graceMs: number,
): PushJudgement {
  const [tag, ...others] = now.fresh;
  if (tag !== undefined) return others.length === 0 ? { is: "built", tag } : { is: "several" };
  if (now.status === "FAILED") {
    const leftOver = before.status === "FAILED" && before.updatedAt === now.updatedAt;
    return leftOver && elapsedMs < STALE_FAILURE_MS ? { is: "waiting" } : { is: "failed" };
  }
  const atRest = now.status === undefined || now.status === "BUILT";
  return atRest && elapsedMs >= graceMs ? { is: "unchanged" } : { is: "waiting" };
}
