/** The image as Blaxel holds it at one moment. */
export interface PushedImage {
  readonly status: string | undefined;
  readonly updatedAt: string | undefined;
}

/** What is known of a push that was sent. */
export interface PushWatch {
  readonly before: PushedImage;
  readonly now: PushedImage;
  /** Tags that were not there before, newest first. */
  readonly fresh: readonly string[];
  /** The tag that was made of the same inputs before, where Blaxel still has it. */
  readonly known: string | undefined;
  /** bl's result of the build; undefined if no process waited for it. */
  readonly said: "built" | "failed" | undefined;
  /** ms since bl had finished. */
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

/** How long a FAILED that was there before is taken for a left-over, in ms. */
const STALE_FAILURE_MS = 15_000;
/** A build begins within seconds of the upload: BUILT for this long, in ms, is not left over from the push before. */
const STALE_BUILT_MS = 30_000;

/**
 * What the image's state means for this push. One new tag is the answer; several are ambiguous. The tag of
 * the same inputs is the answer once bl reported a build, because Blaxel does not build an unchanged source
 * again. FAILED and BUILT may be left over.
 */
export function judgePush({ before, now, fresh, known, said, elapsedMs, graceMs }: PushWatch): PushJudgement {
  const [tag, ...others] = fresh;
  if (tag !== undefined) return others.length === 0 ? { is: "built", tag } : { is: "several" };
  if (now.status === "FAILED") {
    const leftOver = before.status === "FAILED" && before.updatedAt === now.updatedAt;
    return leftOver && elapsedMs < STALE_FAILURE_MS ? { is: "waiting" } : { is: "failed" };
  }
  if (now.status !== undefined && now.status !== "BUILT") return { is: "waiting" };
  if (known !== undefined && said === "built") return { is: "known", tag: known };
  const late = elapsedMs >= (now.status === "BUILT" ? Math.min(graceMs, STALE_BUILT_MS) : graceMs);
  return late ? { is: "nothing new" } : { is: "waiting" };
}
