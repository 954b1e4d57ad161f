/** What is known of a running deploy. */
export interface Watch {
  /** State before the deploy; undefined: there was no sandbox. */
  readonly before: { readonly status: string; readonly image: string } | undefined;
  /** Whether any change was seen since. */
  readonly started: boolean;
  /** Whether more than UPLOADING was seen since. */
  readonly building: boolean;
  /** ms since bl finished. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

export type Judgement =
  | { readonly is: "waiting"; readonly started: boolean; readonly building: boolean }
  | { readonly is: "deployed" }
  | { readonly is: "unchanged" }
  | { readonly is: "stuck" }
  | { readonly is: "failed"; readonly status: string };

/** An archived sandbox rests until it is used; these say nothing about the deploy. */
const RESTING = new Set(["ARCHIVING", "ARCHIVED", "UNARCHIVING"]);
const ENDED = new Set(["FAILED", "DEACTIVATED", "DEACTIVATING", "DELETING", "TERMINATED"]);

/** For this long, in ms, an end that was already there counts as left over. */
const STALE_FAILURE_MS = 15_000;

/**
 * What a status means for this deploy. A status does not say which deploy it belongs to: DEPLOYED counts if a change was seen, the image
 * differs, or there was no sandbox before; FAILED (or another end) counts unless it was there before and nothing has changed since. An
 * unknown status means waiting. UPLOADING (or no sandbox) for the whole grace means that the upload never arrived, or that no build will
 * begin; no sandbox after its build began, that it was deleted.
 */
export function judge(
  watch: Watch,
  now: { readonly status: string; readonly image: string } | undefined,
): Judgement {
  const { before, started, building, elapsedMs, graceMs } = watch;
  const late = elapsedMs >= graceMs;
  if (now === undefined && building) return { is: "failed", status: "that it does not exist" };
  if (now === undefined) return late ? { is: "stuck" } : { is: "waiting", started, building };
  if (now.status === "UPLOADING")
    return late && !building ? { is: "stuck" } : { is: "waiting", started: true, building };
  if (now.status === "DEPLOYED") {
    const another = now.image !== "" && now.image !== before?.image;
    if (before === undefined || another) return { is: "deployed" };
    return started || late ? { is: "unchanged" } : { is: "waiting", started, building };
  }
  if (ENDED.has(now.status)) {
    const leftOver = before?.status === now.status && !started && elapsedMs < STALE_FAILURE_MS;
    return leftOver ? { is: "waiting", started, building } : { is: "failed", status: now.status };
  }
  if (RESTING.has(now.status)) return late ? { is: "stuck" } : { is: "waiting", started, building };
  const moved = now.status !== "" && now.status !== before?.status;
  const known = now.status === "BUILDING" || now.status === "DEPLOYING";
  return { is: "waiting", started: started || moved || known, building: building || moved || known };
}

/** The image on Blaxel at one moment. */
export interface PushedImage {
  readonly status: string | undefined;
  readonly updatedAt: string | undefined;
}

/** What is known of a running push. */
export interface PushWatch {
  readonly before: PushedImage;
  readonly now: PushedImage;
  /** New tags, newest first. */
  readonly fresh: readonly string[];
  /** The tag of an earlier push of the same inputs, if Blaxel still has it. */
  readonly known: string | undefined;
  /** bl's result of the build; undefined if no process waited for it. */
  readonly blResult: "built" | "failed" | undefined;
  /** ms since bl finished. */
  readonly elapsedMs: number;
  readonly graceMs: number;
}

export type PushJudgement = "waiting" | "built" | "known" | "several" | "nothing new" | "failed";

/** A build begins within seconds of the upload: after this long, in ms, BUILT is not left over from the previous push. */
const STALE_BUILT_MS = 30_000;

/**
 * What the image's state means for this push. One new tag is the answer ("built"); several are ambiguous. The tag of the same inputs is the
 * answer ("known") once bl reported a build, because Blaxel does not rebuild unchanged source. FAILED and BUILT may be left over.
 */
export function judgePush({
  before,
  now,
  fresh,
  known,
  blResult,
  elapsedMs,
  graceMs,
}: PushWatch): PushJudgement {
  if (fresh.length > 0) return fresh.length === 1 ? "built" : "several";
  if (now.status === "FAILED") {
    const leftOver = before.status === "FAILED" && before.updatedAt === now.updatedAt;
    return leftOver && elapsedMs < STALE_FAILURE_MS ? "waiting" : "failed";
  }
  if (now.status !== undefined && now.status !== "BUILT") return "waiting";
  if (known !== undefined && blResult === "built") return "known";
  const late = elapsedMs >= (now.status === "BUILT" ? Math.min(graceMs, STALE_BUILT_MS) : graceMs);
  return late ? "nothing new" : "waiting";
}
