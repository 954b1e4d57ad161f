import type { Clock } from "../../support/clock";
import type { Failure } from "../../support/errors";

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

/** Why a mount is made again: its credential expires, it broke, or the caller asks for it. */
export type RemountReason = "credential" | "broken" | "asked";

/** Actions on the sandbox. */
export interface MountActs<Credential extends Lifetime> {
  /** Issues a new credential; nothing in the sandbox changes. */
  issue(): Promise<Credential>;
  /** Flushes and unmounts, mounts with the new credential, proves the mount, and revokes the previous credential. */
  swap(credential: Credential, why: RemountReason): Promise<void>;
  /** Whether the mount works, once the sandbox is awake. @throws Failure if the sandbox is gone */
  works(): Promise<boolean>;
  /** The failure for commands that are ended before the credential expires. */
  ending(lifetime: Lifetime): Failure;
  /** Called when a renewal failed; it is retried. */
  onFailed(error: unknown): void;
}

/** A mount kept alive from one credential to the next. */
export interface HeldMount {
  readonly lifetime: Lifetime;
  /**
   * Runs a command once the mount is known to work; several may run in parallel.
   * @param work stops when its signal is aborted: the credential is about to expire
   */
  use<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Mounts again with a new credential once no command runs; commands that start meanwhile wait. */
  remount(): Promise<void>;
  /** Reports the result of a check of the mount. */
  saw(works: boolean): void;
  /** Stops renewing and ends running commands; waits for both. */
  release(): Promise<void>;
}

/** Interval before a failed renewal is retried, in ms. */
const RETRY_MS = 10_000;
const DAY_MS = 86_400_000;

/**
 * Keeps a mount working: proves it after a pause, mounts it again if it broke, and renews its credential before it expires.
 * @param renews false: issues no new credential, but still ends commands in time
 */
export function holdMount<Credential extends Lifetime>(
  clock: Clock,
  first: Lifetime,
  renews: boolean,
  acts: MountActs<Credential>,
): HeldMount {
  const released = new AbortController();
  const running = new Set<Promise<unknown>>();
  let lifetime = first;
  let moments = momentsOf(first);
  let seenAt = clock.now();
  let lost = false;
  let ending = new AbortController();
  let remounting: Promise<void> | undefined;

  const stopped = new Promise<void>((done) => {
    released.signal.addEventListener("abort", () => {
      done();
    });
  });

  const settled = async (): Promise<void> => {
    while (running.size > 0 && !released.signal.aborted)
      await Promise.race([Promise.allSettled(running), stopped]);
  };

  const swap = async (why: RemountReason): Promise<void> => {
    await settled();
    released.signal.throwIfAborted();
    const credential = await acts.issue();
    lost = true;
    await acts.swap(credential, why);
    lifetime = { startedAt: credential.startedAt, endsAt: credential.endsAt };
    moments = momentsOf(lifetime);
    ending = new AbortController();
    lost = false;
    seenAt = clock.now();
  };

  /** One at a time: a second caller waits for the first one's remount. */
  const remount = (why: RemountReason): Promise<void> => {
    remounting ??= swap(why).finally(() => {
      remounting = undefined;
    });
    return remounting;
  };

  const nextNow = (): "run" | "wait" | "prove" | "remount" => {
    released.signal.throwIfAborted();
    return remounting !== undefined
      ? "wait"
      : nextStep({ now: clock.now(), seenAt, lost, running: running.size, moments, renews });
  };

  const prepare = async (step: "wait" | "prove" | "remount"): Promise<void> => {
    if (step === "wait") await remounting?.catch(() => undefined);
    else if (step === "prove") {
      lost = !(await acts.works());
      seenAt = clock.now();
    } else
      await remount(lost ? "broken" : "credential").catch((error: unknown) => {
        // An early renewal may fail, because the current credential is still valid.
        if (lost || clock.now() >= moments.holdAt) throw error;
        acts.onFailed(error);
        moments = { ...moments, renewAt: clock.now() + RETRY_MS };
      });
  };

  /** At most a day: a timer cannot count a month. */
  const sleepUntil = (ms: number): Promise<void> =>
    clock.sleep(Math.min(Math.max(0, ms - clock.now()), DAY_MS), released.signal, true);

  const endCommands = async (): Promise<void> => {
    while (running.size > 0 && clock.now() < moments.endCommandsAt)
      await Promise.race([settled(), sleepUntil(moments.endCommandsAt)]);
    if (running.size > 0) ending.abort(acts.ending(lifetime));
  };

  const dueAt = (): number => (renews ? moments.renewAt : moments.endCommandsAt);

  const isReleased = (): boolean => released.signal.aborted;
  const keepRenewing = async (): Promise<void> => {
    while (!isReleased()) {
      await sleepUntil(dueAt());
      if (remounting !== undefined) await remounting.catch(() => undefined);
      if (clock.now() < dueAt()) continue;
      await endCommands();
      if (!renews) return;
      if (clock.now() < dueAt()) continue;
      try {
        await remount("credential");
      } catch (error) {
        if (!isReleased()) acts.onFailed(error);
        moments = { ...moments, renewAt: clock.now() + RETRY_MS };
      }
    }
  };
  // Ending the session ends the sleep.
  const renewing = keepRenewing().catch(() => undefined);

  return {
    get lifetime() {
      return lifetime;
    },
    async use(work) {
      // No await between decision and start, so that no remount begins in between.
      for (let step = nextNow(); step !== "run"; step = nextNow()) await prepare(step);
      const command = work(ending.signal);
      running.add(command);
      try {
        return await command;
      } finally {
        running.delete(command);
        seenAt = clock.now();
      }
    },
    remount: () => remount("asked"),
    saw(works) {
      lost = !works;
      seenAt = clock.now();
    },
    async release() {
      released.abort(new Error("The session is closed."));
      ending.abort(released.signal.reason);
      await Promise.allSettled([...running, remounting, renewing]);
    },
  };
}
