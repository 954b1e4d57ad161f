/** The validity of a credential, in ms since the epoch. */
export interface Lifetime {
  readonly startedAt: number;
  readonly endsAt: number;
}

/** Deadlines before a credential expires, in ms since the epoch. */
export interface Moments {
  /** From here on a new one is issued as soon as no command runs; so each command has at least half a life. */
  readonly renewAt: number;
  /** From here on, new commands wait for the new one. */
  readonly holdAt: number;
  /** Running commands are ended, which leaves time to flush their writes. */
  readonly endCommandsAt: number;
}

/** Ending a command takes up to 8 s and flushing up to 20 s, in ms; a short-lived credential has less time. */
const FLUSH_ROOM_MS = 40_000;

/** The deadlines of a credential. */
export function momentsOf({ startedAt, endsAt }: Lifetime): Moments {
  const life = endsAt - startedAt;
  const room = Math.min(FLUSH_ROOM_MS, life / 4);
  return { renewAt: startedAt + life / 2, holdAt: endsAt - 2 * room, endCommandsAt: endsAt - room };
}

/** Blaxel freezes a sandbox after about 15 s without a request; after this pause the mount is proven again, in ms. */
const IDLE_MS = 8_000;

export interface MountFacts {
  readonly now: number;
  /** When the mount was last seen working. */
  readonly seenAt: number;
  /** Whether it is known to be broken. */
  readonly lost: boolean;
  /** Number of running commands. */
  readonly running: number;
  readonly moments: Moments;
  /** Whether the credential may be replaced by a new one. */
  readonly renews: boolean;
}

/** What a command needs before it starts: nothing, a check of the mount, or a new mount (with a new credential). */
export function nextStep(facts: MountFacts): "run" | "prove" | "remount" {
  const { now, seenAt, lost, running, moments, renews } = facts;
  if (renews && (lost || now >= moments.holdAt || (now >= moments.renewAt && running === 0)))
    return "remount";
  return running === 0 && now - seenAt > IDLE_MS ? "prove" : "run";
}
