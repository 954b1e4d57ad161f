import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { isDead, startOf, thisProcess } from "../../../../src/support/processes/alive";
import { withFileLock, type Holder, type Waiting } from "../../../../src/support/files/file-lock";
import type { Host } from "../../../../src/support/host";

const folder = mkdtempSync(join(tmpdir(), "file-lock-"));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const here = { ...thisProcess(), pid: 7, started: "100" };

describe("a process of which there is a mark", () => {
  it.each([
    ["lives", here, "100", false],
    ["is gone", here, undefined, true],
    ["has given its number to another one", here, "101", true],
    ["lives where the system tells no start times", here, "0", false],
    ["lived where the system told no start times", { ...here, started: "0" }, "100", false],
    ["is on another machine, or in another container", { ...here, space: "other" }, undefined, undefined],
  ] as const)("%s", (_what, mark, found, dead) => {
    expect(isDead(mark, () => found)).toBe(dead);
  });

  it("knows a stopped process as alive and a zombie as dead", async () => {
    const child = started("sleep", "60");
    const pid = child.pid ?? 0;
    child.kill("SIGSTOP");
    expect(startOf(pid)).toMatch(/^[1-9]\d*$/u);
    // A parent that does not wait for its child leaves it a zombie. The shell itself waits, so it is replaced first.
    const shell = started("sh", "-c", "sleep 60 & echo $!; exec sleep 60");
    const zombie = await new Promise<number>((done) =>
      shell.stdout?.once("data", (text: Buffer) => {
        done(Number(text.toString()));
      }),
    );
    await expect.poll(() => readFileSync(`/proc/${String(shell.pid)}/cmdline`, "utf8")).toMatch(/^sleep\0/u);
    process.kill(zombie, "SIGKILL");
    await expect.poll(() => startOf(zombie)).toBeUndefined();
    expect(existsSync(`/proc/${String(zombie)}`)).toBe(true);
  });
});

function started(command: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  return child;
}

/** A host whose sleeping takes no time, and whose clock may jump at every look. */
function fakeHost(onSleep: (slept: number) => void = () => undefined): Host {
  let slept = 0;
  return {
    runId: "run",
    signal: new AbortController().signal,
    clock: {
      now: () => Date.now() + Math.random() * 1e9,
      sleep: async (ms: number) => {
        slept += ms;
        onSleep(slept);
        await new Promise((done) => setImmediate(done));
      },
    },
  } as unknown as Host;
}

function holderOf(pid: number, more: Partial<Holder> = {}): Holder {
  return {
    ...thisProcess(),
    pid,
    host: hostname(),
    started: startOf(pid) ?? "0",
    since: "2026-02-01T00:00:00.000Z",
    token: "theirs",
    run: "their-run",
    ...more,
  };
}

class GaveUp extends Error {}

/** Waits for the lock for at most `limitMs` of pauses; answers with whether it came to hold it, whom it waited for and who had died. */
async function take(
  path: string,
  limitMs = 60_000,
  onSleep?: (slept: number) => void,
): Promise<{ held: boolean; waitedMs: number; seen: string[]; dead: string[] }> {
  const seen: string[] = [];
  const dead: string[] = [];
  let waited = 0;
  const waiting: Waiting = {
    pauseMs: 500,
    onTaken: (holder, waitedMs) => {
      waited = waitedMs;
      seen.push(holder?.token ?? "nobody");
      if (waitedMs > limitMs) throw new GaveUp();
    },
    onGone: (holder) => {
      dead.push(holder?.run ?? "nobody");
    },
  };
  let held = false;
  try {
    await withFileLock(fakeHost(onSleep), path, waiting, () => {
      held = true;
      return Promise.resolve();
    });
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error;
  }
  return { held, waitedMs: waited, seen: [...new Set(seen)], dead };
}

describe("a lock", () => {
  const fresh = (): string => join(mkdtempSync(join(folder, "lock-")), "a.lock");
  const past = new Date(0);
  const future = new Date(Date.now() + 3_600_000);

  it.each([
    ["an old heartbeat", past],
    ["a heartbeat from the future", future],
  ])("is never taken from a stopped process with %s", async (_what, heartbeat) => {
    const path = fresh();
    const child = started("sleep", "60");
    child.kill("SIGSTOP");
    const text = JSON.stringify(holderOf(child.pid ?? 0));
    writeFileSync(path, text);
    utimesSync(path, heartbeat, heartbeat);
    expect(await take(path)).toMatchObject({ held: false, seen: ["theirs"], dead: [] });
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it.each([past, new Date(), future])(
    "is taken at once from a dead process (heartbeat %s)",
    async (heartbeat) => {
      const path = fresh();
      const child = started("true");
      await new Promise((done) => child.once("exit", done));
      writeFileSync(path, JSON.stringify(holderOf(child.pid ?? 0)));
      utimesSync(path, heartbeat, heartbeat);
      expect(await take(path)).toEqual({ held: true, waitedMs: 0, seen: [], dead: ["their-run"] });
      expect(readdirSync(join(path, ".."))).toEqual([]);
    },
  );

  it("is taken at once from a process whose number another one has now", async () => {
    const path = fresh();
    writeFileSync(path, JSON.stringify(holderOf(process.pid, { started: "1" })));
    expect(await take(path)).toMatchObject({ held: true, waitedMs: 0, dead: ["their-run"] });
  });

  it.each([
    ["another machine", JSON.stringify(holderOf(process.pid, { space: "elsewhere" })), "theirs"],
    ["nobody, as a write that was cut off leaves it", "", "nobody"],
    ["nobody, as another program wrote it", '{"pid":"seven"}', "nobody"],
  ])(
    "of %s is taken when its heartbeat does not change, wherever that stands",
    async (_whose, text, name) => {
      for (const heartbeat of [past, future]) {
        const path = fresh();
        writeFileSync(path, text);
        utimesSync(path, heartbeat, heartbeat);
        const { held, waitedMs, seen, dead } = await take(path);
        expect({ held, seen, dead }).toEqual({ held: true, seen: [name], dead: ["nobody"] });
        expect(waitedMs).toBeGreaterThan(9_000);
        expect(waitedMs).toBeLessThan(11_000);
      }
    },
  );

  it("of another machine stays while its heartbeat changes, though its clock is far off", async () => {
    const path = fresh();
    writeFileSync(path, JSON.stringify(holderOf(process.pid, { space: "elsewhere" })));
    let beats = 0;
    const beat = (slept: number): void => {
      if (slept < beats * 2_000) return;
      beats += 1;
      const at = new Date(beats * 1_000);
      utimesSync(path, at, at);
    };
    expect(await take(path, 60_000, beat)).toMatchObject({ held: false, dead: [] });
    expect(beats).toBeGreaterThan(20);
  });

  it("is one's own until the work ends, and never another's", async () => {
    const path = fresh();
    let inside = 0;
    let most = 0;
    const run = (): Promise<void> =>
      withFileLock(fakeHost(), path, { pauseMs: 5, onTaken: () => undefined }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((done) => setTimeout(done, 2));
        inside -= 1;
      });
    const child = started("true");
    await new Promise((done) => child.once("exit", done));
    // All of them find the same dead holder at once; a dead claim is in their way as well.
    const dead = JSON.stringify(holderOf(child.pid ?? 0));
    writeFileSync(path, dead);
    writeFileSync(`${path}.stale-theirs`, dead);
    writeFileSync(`${path}.stale-older`, dead);
    await Promise.all(Array.from({ length: 12 }, run));
    expect(most).toBe(1);
    expect(readdirSync(join(path, ".."))).toEqual([]);
  });

  it("is not removed if another process holds it by now", async () => {
    const path = fresh();
    const theirs = JSON.stringify(holderOf(process.pid));
    await withFileLock(fakeHost(), path, { pauseMs: 5, onTaken: () => undefined }, () => {
      writeFileSync(path, theirs);
      return Promise.resolve();
    });
    expect(readFileSync(path, "utf8")).toBe(theirs);
  });
});
