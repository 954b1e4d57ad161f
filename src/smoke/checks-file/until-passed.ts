import type { Clock } from "../../support/clock";
import type { CheckVerdict } from "../check";
import { limitOf } from "./commands";
import { milliseconds, type RunEntry } from "./schema";

/** Default time for a started service to come up. */
const FOR_A_SERVICE = "10s";
const EVERY = "250ms";

/** For how long and how often a check is repeated, in ms; undefined: it runs once. */
function patienceOf({
  retry,
  start,
}: RunEntry): { readonly forMs: number; readonly everyMs: number } | undefined {
  if (retry === undefined && start === undefined) return undefined;
  return {
    forMs: milliseconds(retry?.for ?? FOR_A_SERVICE),
    everyMs: milliseconds(retry?.every ?? EVERY),
  };
}

/** Time limit for the first of several attempts, in ms; it doubles with each further attempt. */
const FIRST_ANSWER_MS = 1_000;

/**
 * Repeats an attempt until it passes or the time is over; each one receives its time limit in ms. The last verdict counts, and a failed one
 * tells the number of attempts.
 */
export async function untilPassed(
  clock: Clock,
  signal: AbortSignal,
  entry: RunEntry,
  attempt: (answerMs: number) => Promise<CheckVerdict>,
): Promise<CheckVerdict> {
  const patience = patienceOf(entry);
  if (patience === undefined) return attempt(limitOf(entry));
  const startedAt = clock.now();
  for (let tries = 1; ; tries += 1) {
    const judged = await attempt(Math.min(limitOf(entry), FIRST_ANSWER_MS * 2 ** (tries - 1)));
    if (judged.outcome === "passed") return judged;
    const passed = clock.now() - startedAt;
    if (passed + patience.everyMs > patience.forMs)
      return {
        ...judged,
        seen: `${judged.seen ?? ""} (${String(tries)} ${tries === 1 ? "try" : "tries"} in ${(passed / 1000).toFixed(1)} s)`,
      };
    await clock.sleep(patience.everyMs, signal);
  }
}
