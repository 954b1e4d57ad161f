import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { findProcess, hasDied, processSpace, thisProcess, type FoundProcess } from "../processes/alive";
import { hasErrno } from "../errors";
import { readIfPresent } from "./files";
import type { Host } from "../host";
import { parsedJson } from "../text/parsed-json";

/** A holder on another machine whose heartbeat stays the same for this long is gone (ms of watching). */
const STALE_MS = 10_000;
const RENEW_MS = 2_000;

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** The process space of its pid (processes/alive.ts); older versions of the program wrote only the host name. */
  space: z.string().optional(),
  /** Start time of its process, as in FoundProcess; absent where the system does not report it. */
  started: z.string().optional(),
  since: z.string(),
  token: z.string(),
  /** The run that holds the lock: containers and images of that run carry it in their label. */
  run: z.string(),
});

/** The holder of a lock. */
export type Holder = Readonly<z.infer<typeof holderSchema>>;

/** What this process writes into its own lock. */
type Own = Holder & { readonly space: string };

/** For messages: "process 4711 on build-1 since 2026-02-01T09:00:00.000Z". */
export function holderText(holder: Holder): string {
  return `process ${String(holder.pid)} on ${holder.host} since ${holder.since}`;
}

export type Verdict = "alive" | "dead" | "unknown";

/**
 * Whether the holder of a lock is alive. Where its process is visible, the process decides, not the heartbeat: a stopped process or a
 * sleeping laptop has none and continues later.
 * @param holder undefined: the file names nobody (half written, or not ours)
 * @param space the process space of this process
 * @param found looks its process up on this machine
 */
export function judge(
  holder: Holder | undefined,
  space: string,
  found: (pid: number) => FoundProcess,
): Verdict {
  if (holder === undefined) return "unknown";
  const isHere = holder.space === undefined ? holder.host === hostname() : holder.space === space;
  if (!isHere) return "unknown";
  return hasDied(found(holder.pid), holder.started) ? "dead" : "alive";
}

/** One reading of a lock file: its holder, and a value that changes with the holder's heartbeat. */
interface LockState {
  readonly holder: Holder | undefined;
  readonly sign: string;
}

/** @returns undefined when there is no such file */
async function readState(path: string): Promise<LockState | undefined> {
  try {
    const text = (await readIfPresent(path))?.toString("utf8");
    if (text === undefined) return undefined;
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return {
      holder: holderSchema.safeParse(parsedJson(text)).data,
      sign: `${String(ino)} ${String(mtimeNs)} ${text}`,
    };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** For how long each heartbeat has not changed, measured by this process: clocks of other machines are not comparable. */
class Heartbeats {
  #sign = "";
  #unchangedMs = 0;

  /** @param watchedMs time since the previous reading */
  see(sign: string, watchedMs: number): number {
    this.#unchangedMs = sign === this.#sign ? this.#unchangedMs + watchedMs : 0;
    this.#sign = sign;
    return this.#unchangedMs;
  }
}

/** Whether the holder of a lock or a claim is gone: dead on this machine, or elsewhere without a heartbeat for STALE_MS. */
function isGone(verdict: Verdict, unchangedMs: number): boolean {
  return verdict === "dead" || (verdict === "unknown" && unchangedMs >= STALE_MS);
}

/**
 * Removes a lock whose holder is gone. A claim that names the holder lets only one process do this. That process reads the lock again under
 * the claim, so a lock that was taken meanwhile is never removed.
 * @param claimUnchanged how long an existing claim has had no heartbeat, in ms
 */
async function removeGone(
  path: string,
  gone: LockState,
  mine: Own,
  onGone: Waiting["onGone"],
  claimUnchanged: (sign: string) => number,
): Promise<void> {
  const claim = `${path}.stale-${gone.holder?.token ?? "unnamed"}`;
  if (!tryTake(claim, mine)) {
    const other = await readState(claim);
    if (
      other !== undefined &&
      isGone(judge(other.holder, mine.space, findProcess), claimUnchanged(other.sign))
    )
      await rm(claim, { force: true });
    return;
  }
  try {
    if ((await readState(path))?.sign !== gone.sign) return;
    const isDead = judge(gone.holder, mine.space, findProcess) === "dead";
    await onGone?.(isDead ? gone.holder : undefined);
    await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Removes claims of killed processes whose lock no longer exists. */
async function removeClaimsLeft(path: string, space: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.stale`)) continue;
    const claim = await readState(join(folder, name));
    if (claim !== undefined && judge(claim.holder, space, findProcess) === "dead")
      await rm(join(folder, name), { force: true });
  }
}

/** Creates and writes the file without a pause: a run killed in between would leave a lock without a holder. */
function tryTake(path: string, holder: Holder): boolean {
  let file;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return false;
    throw error;
  }
  try {
    writeSync(file, JSON.stringify(holder));
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Whether the process that holds a lock has died. Its file stays until the next holder replaces it. */
export async function isLeftLock(path: string): Promise<boolean> {
  return judge((await readState(path))?.holder, processSpace(), findProcess) === "dead";
}

export interface Waiting {
  /**
   * Called each time the lock is found taken, with its holder if the file names one, and the time waited so far in ms. If it throws, the
   * wait ends.
   */
  readonly onTaken: (holder: Holder | undefined, waitedMs: number) => void;
  /** Called before the lock of a holder that is gone is removed; `dead` is that holder if its process is known to have died. */
  readonly onGone?: ((dead: Holder | undefined) => void | Promise<void>) | undefined;
  /** Longest pause between two readings, in ms. */
  readonly pauseMs: number;
}

/**
 * Runs `work` while holding the lock file at `path`, whose folder exists. A holder on this machine keeps the lock as long as its process
 * lives; one elsewhere, as long as its heartbeat changes.
 * @throws what `onTaken` throws; the signal's reason on interruption
 */
export async function withFileLock<T>(
  host: Host,
  path: string,
  { onTaken, onGone, pauseMs }: Waiting,
  work: () => Promise<T>,
): Promise<T> {
  const space = processSpace();
  const mine: Own = {
    pid: process.pid,
    host: hostname(),
    space,
    started: thisProcess().started,
    since: new Date(host.clock.now()).toISOString(),
    token: `${host.runId}-${Math.random().toString(36).slice(2)}`,
    run: host.runId,
  };
  const [heartbeats, claimHeartbeats] = [new Heartbeats(), new Heartbeats()];
  // Only pauses count: a clock can jump, and a stopped process watches nothing.
  let [waitedMs, pausedMs] = [0, 0];
  while (!tryTake(path, mine)) {
    const state = await readState(path);
    if (state === undefined) continue;
    const verdict = judge(state.holder, space, findProcess);
    if (isGone(verdict, heartbeats.see(state.sign, pausedMs))) {
      const claimUnchanged = (sign: string): number => claimHeartbeats.see(sign, pausedMs);
      await removeGone(path, state, mine, onGone, claimUnchanged);
      if ((await readState(path)) === undefined) continue;
    } else onTaken(state.holder, waitedMs);
    pausedMs = pauseMs * (0.2 + 0.8 * Math.random());
    await host.clock.sleep(pausedMs, host.signal);
    waitedMs += pausedMs;
  }
  const renew = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, RENEW_MS);
  renew.unref();
  try {
    await removeClaimsLeft(path, space);
    return await work();
  } finally {
    clearInterval(renew);
    if ((await readState(path))?.holder?.token === mine.token) await rm(path, { force: true });
  }
}
