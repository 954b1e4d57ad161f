/** What is known of a deploy under way. */
export interface Watch {
  /** State before anything was sent; undefined: there was no sandbox. */
  readonly before: { readonly status: string; readonly image: string } | undefined;
  /** Whether something was seen moving since. */
  readonly started: boolean;
  /** Whether more than UPLOADING was seen since. */
  readonly building: boolean;
  /** ms since bl had finished. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

export type Judgement =
  | { readonly is: "waiting"; readonly started: boolean; readonly building: boolean }
  | { readonly is: "deployed" }
  | { readonly is: "unchanged" }
  | { readonly is: "stuck" }
  | { readonly is: "failed"; readonly status: string };

/** An archived sandbox rests until it is used; none of these says anything of the deploy that is waited for. */
const RESTING = new Set(["ARCHIVING", "ARCHIVED", "UNARCHIVING"]);
const ENDED = new Set(["DEACTIVATED", "DEACTIVATING", "DELETING", "TERMINATED"]);

/** How long a FAILED that was there before is taken for a left-over, in ms. */
const STALE_FAILURE_MS = 15_000;

/**
 * What a status means for the deploy that is waited for. A status alone does not say which deploy it speaks of:
 * DEPLOYED counts when something was seen moving, the image is another one, or there was no sandbox before; FAILED
 * counts unless it was there before and nothing has moved yet. A status that is not known is waited on. UPLOADING (or no
 * sandbox at all) for as long as the grace means that the upload never came, or that no build will begin.
 */
export function judge(
  watch: Watch,
  now: { readonly status: string; readonly image: string } | undefined,
): Judgement {
  const { before, started, building, elapsedMs, graceMs } = watch;
  const late = elapsedMs >= graceMs;
  if (now === undefined) return late ? { is: "stuck" } : { is: "waiting", started, building };
  if (now.status === "UPLOADING")
    return late && !building ? { is: "stuck" } : { is: "waiting", started: true, building };
  if (now.status === "DEPLOYED") {
    const another = now.image !== "" && now.image !== before?.image;
    if (before === undefined || another) return { is: "deployed" };
    return started || late ? { is: "unchanged" } : { is: "waiting", started, building };
  }
  if (now.status === "FAILED") {
    const leftOver = before?.status === "FAILED" && !started && elapsedMs < STALE_FAILURE_MS;
    return leftOver ? { is: "waiting", started, building } : { is: "failed", status: now.status };
  }
  if (RESTING.has(now.status)) return late ? { is: "stuck" } : { is: "waiting", started, building };
  if (ENDED.has(now.status)) return { is: "failed", status: now.status };
  const moved = now.status !== "" && now.status !== before?.status;
  const known = now.status === "BUILDING" || now.status === "DEPLOYING";
  return { is: "waiting", started: started || moved || known, building: building || moved || known };
}
