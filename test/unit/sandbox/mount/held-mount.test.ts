import { describe, expect, it } from "vitest";
import {
  holdMount,
  momentsOf,
  nextStep,
  type HeldMount,
  type Lifetime,
  type MountActs,
} from "../../../../src/sandbox/mount/held-mount";
import type { Clock } from "../../../../src/support/clock";
import { Failure } from "../../../../src/support/errors";

const HOUR = { startedAt: 0, endsAt: 3_600_000 };

describe("the moments of a credential", () => {
  it("renews at half its life, and ends commands early enough to flush", () => {
    expect(momentsOf(HOUR)).toEqual({ renewAt: 1_800_000, holdAt: 3_520_000, endCommandsAt: 3_560_000 });
  });

  it("keep their order for the shortest life", () => {
    expect(momentsOf({ startedAt: 1000, endsAt: 11_000 })).toEqual({
      renewAt: 6000,
      holdAt: 6000,
      endCommandsAt: 8500,
    });
  });
});

describe("what a command needs before it starts", () => {
  const facts = { now: 1000, seenAt: 900, lost: false, running: 0, moments: momentsOf(HOUR), renews: true };

  it.each([
    ["nothing after a short pause", {}, "run"],
    ["a look after a long one", { now: 10_000 }, "prove"],
    ["no look while others run", { now: 10_000, running: 1 }, "run"],
    ["a mount when it is broken", { lost: true }, "remount"],
    ["a new credential after half its life", { now: 1_800_000 }, "remount"],
    ["not yet while others run", { now: 1_800_000, running: 1 }, "run"],
    ["at last even then", { now: 3_520_000, running: 1 }, "remount"],
    ["never where credentials are not renewed", { now: 3_520_000, seenAt: 3_519_999, renews: false }, "run"],
  ] as const)("%s", (_, more, step) => {
    expect(nextStep({ ...facts, ...more })).toBe(step);
  });
});

/** A clock that is set by hand; who sleeps is woken when its time has come. */
function handClock(): Clock & { goTo(ms: number): Promise<void> } {
  let now = 0;
  let sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((done, fail) => {
        sleepers.push({ at: now + ms, wake: done });
        signal?.addEventListener("abort", () => {
          fail(signal.reason as Error);
        });
      }),
    async goTo(ms) {
      for (;;) {
        await turn();
        const at = Math.min(...sleepers.map((sleeper) => sleeper.at));
        if (at > ms) break;
        now = Math.max(now, at);
        const due = sleepers.filter((sleeper) => sleeper.at <= now);
        sleepers = sleepers.filter((sleeper) => sleeper.at > now);
        for (const { wake } of due) wake();
      }
      now = ms;
      await turn();
    },
  };
}

function held(
  more: Partial<MountActs<Lifetime>> = {},
  renews = true,
): { readonly clock: ReturnType<typeof handClock>; readonly mount: HeldMount; readonly log: string[] } {
  const clock = handClock();
  const log: string[] = [];
  const mount = holdMount<Lifetime>(clock, HOUR, renews, {
    issue: () => Promise.resolve({ startedAt: clock.now(), endsAt: clock.now() + 3_600_000 }),
    swap: (_, why) => {
      log.push(`${why} at ${String(clock.now())}`);
      return Promise.resolve();
    },
    works: () => Promise.resolve(true),
    ending: () => new Failure({ code: "CREDENTIAL_ENDING", kind: "deploy", message: "ends" }),
    onFailed: (error) => log.push(`failed at ${String(clock.now())}: ${(error as Error).message}`),
    ...more,
  });
  return { clock, mount, log };
}

/** A command that runs until it is told to end. */
function command(): { work: (signal: AbortSignal) => Promise<string>; end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<string>((done) => {
    end = () => {
      done("done");
    };
  });
  return {
    end: () => {
      end();
    },
    work: (signal) =>
      Promise.race([
        ended,
        new Promise<string>((_, fail) => {
          signal.addEventListener("abort", () => {
            fail(signal.reason as Error);
          });
        }),
      ]),
  };
}

describe("a held mount", () => {
  it("is renewed at half its life, again and again, and no more once it is released", async () => {
    const { clock, mount, log } = held();
    await clock.goTo(3_700_000);
    expect(log).toEqual(["credential at 1800000", "credential at 3600000"]);
    expect(mount.lifetime.endsAt).toBe(7_200_000);
    await mount.release();
    await clock.goTo(20_000_000);
    expect(log).toHaveLength(2);
  });

  it("waits with the renewal until the command has ended", async () => {
    const { clock, mount, log } = held();
    const long = command();
    const ran = mount.use(long.work);
    await clock.goTo(2_500_000);
    expect(log).toEqual([]);
    long.end();
    expect(await ran).toBe("done");
    await clock.goTo(2_500_001);
    expect(log).toEqual(["credential at 2500000"]);
    await mount.release();
  });

  it("ends a command before the credential ends, then mounts again; the next one runs", async () => {
    const { clock, mount, log } = held();
    const ran = mount.use(command().work).catch((error: unknown) => error);
    await clock.goTo(3_559_999);
    expect(log).toEqual([]);
    await clock.goTo(3_560_000);
    expect(await ran).toMatchObject({ code: "CREDENTIAL_ENDING" });
    await clock.goTo(3_560_001);
    expect(log).toEqual(["credential at 3560000"]);
    expect(await mount.use(() => Promise.resolve("next"))).toBe("next");
    await mount.release();
  });

  it("lets a command that comes late wait for the new credential", async () => {
    const { clock, mount, log } = held();
    const long = command();
    const first = mount.use(long.work);
    await clock.goTo(3_520_000);
    let started = false;
    const second = mount.use(() => {
      started = true;
      return Promise.resolve("second");
    });
    await clock.goTo(3_530_000);
    expect(started).toBe(false);
    long.end();
    await first;
    expect(await second).toBe("second");
    expect(log).toEqual(["credential at 3530000"]);
    await mount.release();
  });

  it("keeps the current credential when a new one is refused, and retries", async () => {
    let refused = 1;
    const { clock, mount, log } = held({
      issue: () =>
        refused-- > 0
          ? Promise.reject(new Error("down"))
          : Promise.resolve({ startedAt: 1_810_000, endsAt: 5_410_000 }),
    });
    await clock.goTo(1_800_000);
    expect(await mount.use(() => Promise.resolve("ran"))).toBe("ran");
    await clock.goTo(1_810_000);
    expect(log).toEqual(["failed at 1800000: down", "credential at 1810000"]);
    await mount.release();
  });

  it("proves the mount after a pause, and mounts again what did not survive it", async () => {
    const looks: number[] = [];
    const { clock, mount, log } = held({
      works: () => {
        looks.push(clock.now());
        return Promise.resolve(looks.length < 2);
      },
    });
    await mount.use(() => Promise.resolve());
    await clock.goTo(5_000);
    await mount.use(() => Promise.resolve());
    expect(looks).toEqual([]);
    await clock.goTo(20_000);
    await mount.use(() => Promise.resolve());
    expect([looks, log]).toEqual([[20_000], []]);
    await clock.goTo(40_000);
    await mount.use(() => Promise.resolve());
    expect([looks, log]).toEqual([[20_000, 40_000], ["broken at 40000"]]);
    await mount.release();
  });

  it("mounts again for the next command when mounting failed, and when a look after a command showed it broken", async () => {
    let fails = 1;
    const { clock, mount } = held({
      swap: () => (fails-- > 0 ? Promise.reject(new Error("no mount")) : Promise.resolve()),
    });
    await clock.goTo(1);
    mount.saw(false);
    await expect(mount.use(() => Promise.resolve("ran"))).rejects.toThrow("no mount");
    expect(await mount.use(() => Promise.resolve("ran"))).toBe("ran");
    await mount.release();
  });

  it("without renewal ends the command in time and makes no credential", async () => {
    const { clock, mount, log } = held({}, false);
    const ran = mount.use(command().work).catch((error: unknown) => error);
    await clock.goTo(3_560_000);
    expect(await ran).toMatchObject({ code: "CREDENTIAL_ENDING" });
    await clock.goTo(9_000_000);
    expect(log).toEqual([]);
    await mount.release();
  });

  it("ends the commands that run when it is released, although a remount waits for them", async () => {
    const { clock, mount, log } = held();
    const closed = { message: "The session is closed." };
    const ran = mount.use(command().work).catch((error: unknown) => error);
    await clock.goTo(0);
    const asked = mount.remount().catch((error: unknown) => error);
    await clock.goTo(1);
    const later = mount.use(command().work).catch((error: unknown) => error);
    await mount.release();
    expect([await ran, await asked, await later]).toMatchObject([closed, closed, closed]);
    expect(log).toEqual([]);
  });

  it("starts no command after a remount during which it was released", async () => {
    let swapped = (): void => undefined;
    const { clock, mount, log } = held({ swap: () => new Promise((done) => (swapped = done)) });
    const asked = mount.remount();
    await clock.goTo(0);
    const later = mount.use(() => Promise.resolve(log.push("started"))).catch((error: unknown) => error);
    const released = mount.release();
    swapped();
    await Promise.all([asked, released]);
    expect([await later, log]).toMatchObject([{ message: "The session is closed." }, []]);
  });

  it("takes no command once it is released", async () => {
    const { mount, log } = held();
    await mount.release();
    await expect(mount.use(command().work)).rejects.toThrow("The session is closed.");
    expect(log).toEqual([]);
  });
});
