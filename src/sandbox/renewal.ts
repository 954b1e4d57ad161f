/** How long a credential holds, in ms since the epoch. */
export interface Lifetime {
  readonly startedAt: number;
  readonly endsAt: number;
}

/** What has to happen when before a credential ends, in ms since the epoch. */
export interface Moments {
  /** A new one is made as soon as no command runs: each command then has at least half a life. */
  readonly renewAt: number;
  /** Commands that start wait for the new one. */
  readonly holdAt: number;
  /** Commands that still run are ended, so that there is time to flush what they wrote. */
  readonly endCommandsAt: number;
}

/** Ending a command takes up to 8 s and flushing up to 20 s, in ms; a short life has less time for it. */
const FLUSH_ROOM_MS = 40_000;

/** The moments of a credential's life. */
export function momentsOf({ startedAt, endsAt }: Lifetime): Moments {
  const life = endsAt - startedAt;
  const room = Math.min(FLUSH_ROOM_MS, life / 4);
  return { renewAt: startedAt + life / 2, holdAt: endsAt - 2 * room, endCommandsAt: endsAt - room };
}

/** Blaxel freezes a sandbox after about 15 s without a request; after this long without one the mount is proven again, in ms. */
const IDLE_MS = 8_000;

export interface MountFacts {
  readonly now: number;
  /** When the mount was last seen to work. */
  readonly seenAt: number;
  /** It is known to be broken. */
  readonly lost: boolean;
  /** Commands that run now. */
  readonly running: number;
  readonly moments: Moments;
  /** Whether the credential may be replaced by a new one. */
  readonly renews: boolean;
}

/** What a command that is about to start needs first: nothing, a look at the mount, or a new mount (with a new credential). */
export function nextStep(facts: MountFacts): "run" | "prove" | "remount" {
  const { now, seenAt, lost, running, moments, renews } = facts;
  if (renews && (lost || now >= moments.holdAt || (now >= moments.renewAt && running === 0)))
    return "remount";
  return running === 0 && now - seenAt > IDLE_MS ? "prove" : "run";
}
