import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import { isDead, thisProcess } from "../processes/alive";
import { hasErrno } from "../errors";
import { readIfPresent } from "./files";
import type { Host } from "../host";
import { parsedJson } from "../text/parsed-json";

/** A holder on another machine whose heartbeat stays the same for this long is gone (ms of watching). */
const STALE_MS = 10_000;
const RENEW_MS = 2_000;

/** A process (ProcessMark) and its lock. */
const holderSchema = z.object({
  pid: z.int().check(z.positive()),
  space: z.string(),
  started: z.string(),
  host: z.string(),
  since: z.string(),
  token: z.string(),
  /** The run that holds the lock: containers and images of that run carry it in their label. */
  run: z.string(),
});

/** The holder of a lock. */
export type Holder = Readonly<z.infer<typeof holderSchema>>;

/** For messages: "process 4711 on build-1 since 2026-02-01T09:00:00.000Z". */
export function holderText(holder: Holder): string {
  return `process ${String(holder.pid)} on ${holder.host} since ${holder.since}`;
}

/** One reading of a lock file. */
interface LockState {
  /** Undefined: the file names nobody (half written, or not ours). */
  readonly holder: Holder | undefined;
  /** Whether the holder's process has died; undefined if it is not of this machine. */
  readonly dead: boolean | undefined;
  /** A value that changes with the holder's heartbeat. */
  readonly sign: string;
}

/** @returns undefined when there is no such file */
async function readState(path: string): Promise<LockState | undefined> {
  try {
    const text = (await readIfPresent(path))?.toString("utf8");
    if (text === undefined) return undefined;
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    const holder = holderSchema.safeParse(parsedJson(text)).data;
    return {
      holder,
      dead: holder && isDead(holder),
      sign: `${String(ino)} ${String(mtimeNs)} ${text}`,
    };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Watches a lock or a claim: tells of each reading whether the holder is gone. Where its process is visible, the process decides, not the
 * heartbeat: a stopped process or a sleeping laptop has none and continues later. Elsewhere it is gone without a heartbeat for STALE_MS,
 * measured by this process: clocks of other machines are not comparable.
 */
function watch(): (state: LockState, sincePreviousMs: number) => boolean {
  let [before, unchangedMs] = ["", 0];
  return ({ dead, sign }, sincePreviousMs) => {
    unchangedMs = sign === before ? unchangedMs + sincePreviousMs : 0;
    before = sign;
    return dead ?? unchangedMs >= STALE_MS;
  };
}

/**
 * Removes a lock whose holder is gone. A claim that names the holder lets only one process do this. That process reads the lock again under
 * the claim, so a lock that was taken meanwhile is never removed.
 * @param isGone watches a claim that already exists
 */
async function removeGone(
  path: string,
  gone: LockState,
  mine: Holder,
  onGone: Waiting["onGone"],
  isGone: (claim: LockState) => boolean,
): Promise<void> {
  const claim = `${path}.stale-${gone.holder?.token ?? "unnamed"}`;
  if (!tryTake(claim, mine)) {
    const other = await readState(claim);
    if (other !== undefined && isGone(other)) await rm(claim, { force: true });
    return;
  }
  try {
    if ((await readState(path))?.sign !== gone.sign) return;
    await onGone?.(gone.dead === true ? gone.holder : undefined);
    await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Removes claims of killed processes whose lock no longer exists. */
async function removeClaimsLeft(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.stale`)) continue;
    if (await isLeftLock(join(folder, name))) await rm(join(folder, name), { force: true });
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
    // An error of writing to an open file names none.
    throw Object.assign(error as Error, { path });
  } finally {
    closeSync(file);
  }
}

/** Whether the process that holds a lock has died. Its file stays until the next holder replaces it. */
export async function isLeftLock(path: string): Promise<boolean> {
  return (await readState(path))?.dead === true;
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
  const mine: Holder = {
    ...thisProcess(),
    host: hostname(),
    since: new Date(host.clock.now()).toISOString(),
    token: `${host.runId}-${Math.random().toString(36).slice(2)}`,
    run: host.runId,
  };
  const [isGone, isClaimGone] = [watch(), watch()];
  // Only pauses count: a clock can jump, and a stopped process watches nothing.
  let [waitedMs, pausedMs] = [0, 0];
  while (!tryTake(path, mine)) {
    const state = await readState(path);
    if (state === undefined) continue;
    const sinceMs = pausedMs;
    if (isGone(state, sinceMs)) {
      await removeGone(path, state, mine, onGone, (claim) => isClaimGone(claim, sinceMs));
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
    await removeClaimsLeft(path);
    return await work();
  } finally {
    clearInterval(renew);
    if ((await readState(path))?.holder?.token === mine.token) await rm(path, { force: true });
  }
}
