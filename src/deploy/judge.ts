/** What is known of a deploy under way. */
export interface Watch {
  /** State before anything was sent; undefined image: there was no sandbox. */
  readonly before: { readonly status: string; readonly image: string } | undefined;
  /** Whether UPLOADING, BUILDING or DEPLOYING was seen since. */
  readonly started: boolean;
  /** ms since bl had finished. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

export type Judgement =
  | { readonly is: "waiting"; readonly started: boolean }
  | { readonly is: "deployed" }
  | { readonly is: "unchanged" }
  | { readonly is: "failed"; readonly status: string };

const MOVING = new Set(["UPLOADING", "BUILDING", "DEPLOYING"]);
const ENDED = new Set(["DEACTIVATED", "DEACTIVATING", "DELETING", "TERMINATED"]);

/** How long a FAILED that was there before is taken for a left-over, in ms. */
const STALE_FAILURE_MS = 15_000;

/**
 * What a status means for the deploy that is waited for. A status alone does not say which deploy it speaks of:
 * DEPLOYED counts when something was seen moving, the image is another one, or there was no sandbox before; FAILED
 * counts unless it was there before and nothing has moved yet. An unknown status is waited on.
 */
export function judge(
  watch: Watch,
  now: { readonly status: string; readonly image: string } | undefined,
): Judgement {
  if (now === undefined) return { is: "waiting", started: watch.started };
  if (MOVING.has(now.status)) return { is: "waiting", started: true };
  if (now.status === "DEPLOYED") {
    const another = now.image !== "" && now.image !== watch.before?.image;
    if (watch.before === undefined || another) return { is: "deployed" };
    if (watch.started) return { is: now.image === watch.before.image ? "unchanged" : "deployed" };
    return watch.elapsedMs >= watch.graceMs ? { is: "unchanged" } : { is: "waiting", started: false };
  }
  if (now.status === "FAILED") {
    const leftOver =
      watch.before?.status === "FAILED" && !watch.started && watch.elapsedMs < STALE_FAILURE_MS;
    return leftOver ? { is: "waiting", started: false } : { is: "failed", status: now.status };
  }
  if (ENDED.has(now.status)) return { is: "failed", status: now.status };
  return { is: "waiting", started: watch.started };
}
