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

export type PushJudgement =
  | { readonly is: "waiting" }
  | { readonly is: "built"; readonly tag: string }
  | { readonly is: "known"; readonly tag: string }
  | { readonly is: "several" }
  | { readonly is: "nothing new" }
  | { readonly is: "failed" };

/** For this long, in ms, a FAILED that was already there counts as left over. */
const STALE_FAILURE_MS = 15_000;
/** A build begins within seconds of the upload: after this long, in ms, BUILT is not left over from the previous push. */
const STALE_BUILT_MS = 30_000;

/**
 * What the image's state means for this push. One new tag is the answer; several are ambiguous. The tag of the same inputs is the answer
 * once bl reported a build, because Blaxel does not rebuild unchanged source. FAILED and BUILT may be left over.
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
  const [tag, ...others] = fresh;
  if (tag !== undefined) return others.length === 0 ? { is: "built", tag } : { is: "several" };
  if (now.status === "FAILED") {
    const leftOver = before.status === "FAILED" && before.updatedAt === now.updatedAt;
    return leftOver && elapsedMs < STALE_FAILURE_MS ? { is: "waiting" } : { is: "failed" };
  }
  if (now.status !== undefined && now.status !== "BUILT") return { is: "waiting" };
  if (known !== undefined && blResult === "built") return { is: "known", tag: known };
  const late = elapsedMs >= (now.status === "BUILT" ? Math.min(graceMs, STALE_BUILT_MS) : graceMs);
  return late ? { is: "nothing new" } : { is: "waiting" };
}
