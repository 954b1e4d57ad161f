import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { findProcess, hasDied, processSpace, thisProcess, type FoundProcess } from "./alive";
import { hasErrno } from "./errors";
import type { Host } from "./host";

/** A holder elsewhere whose heartbeat does not change for this long is gone, in ms of watching it. */
export const STALE_MS = 10_000;
const RENEW_MS = 2_000;

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Where its pid means something (support/alive.ts); absent in locks of versions that knew only the host's name. */
  space: z.string().optional(),
  /** When its process started, in the system's own measure; absent where the system does not say. */
  started: z.string().optional(),
  since: z.string(),
  token: z.string(),
  /** The run that holds it: what it made carries this in its label. */
  run: z.string(),
});

/** Who holds a lock. */
export type Holder = Readonly<z.infer<typeof holderSchema>>;

/** What this process writes into its own. */
type Own = Holder & { readonly space: string };

/** For sentences: "process 4711 on build-1 since 2026-02-01T09:00:00.000Z". */
export function holderText(holder: Holder): string {
  return `process ${String(holder.pid)} on ${holder.host} since ${holder.since}`;
}

export type Verdict = "alive" | "dead" | "unknown";

/**
 * Whether the holder of a lock lives. Its process decides where it can be seen; a heartbeat does not, because a stopped process or a
 * sleeping laptop has none and goes on later.
 * @param holder undefined: the file names nobody (it was left half written, or is somebody else's)
 * @param space this process's own
 * @param found looks its process up, here
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

/** One look at a lock file: who holds it, and what changes when its holder shows a sign of life. */
interface Look {
  readonly holder: Holder | undefined;
  readonly sign: string;
}

/** @returns undefined when there is no such file */
async function lookAt(path: string): Promise<Look | undefined> {
  try {
    const text = await readFile(path, "utf8");
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return { holder: holderIn(text), sign: `${String(ino)} ${String(mtimeNs)} ${text}` };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function holderIn(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** For how long each sign of life was the last one, as far as this process watched: another machine's clock says nothing about that. */
class Watch {
  #sign = "";
  #unchangedMs = 0;

  /** @param watchedMs how long this process watched since the look before */
  see(sign: string, watchedMs: number): number {
    this.#unchangedMs = sign === this.#sign ? this.#unchangedMs + watchedMs : 0;
    this.#sign = sign;
    return this.#unchangedMs;
  }
}

/** Whether who holds a lock or a claim is gone: dead here, or elsewhere and without a sign of life for as long as it is watched. */
function isGone(verdict: Verdict, unchangedMs: number): boolean {
  return verdict === "dead" || (verdict === "unknown" && unchangedMs >= STALE_MS);
}

/**
 * Removes a lock whose holder is gone. One process at a time does this for one holder, under a claim that names that holder, and looks
 * again once it has it: a lock that somebody took meanwhile is never removed by mistake.
 * @param claimUnchanged for how long a claim that is there already has shown no sign of life, in ms
 */
async function removeGone(
  path: string,
  gone: Look,
  mine: Own,
  onGone: Waiting["onGone"],
  claimUnchanged: (sign: string) => number,
): Promise<void> {
  const claim = `${path}.stale-${gone.holder?.token ?? "unnamed"}`;
  if (!tryTake(claim, mine)) {
    const other = await lookAt(claim);
    if (
      other !== undefined &&
      isGone(judge(other.holder, mine.space, findProcess), claimUnchanged(other.sign))
    )
      await rm(claim, { force: true });
    return;
  }
  try {
    if ((await lookAt(path))?.sign !== gone.sign) return;
    const isDead = judge(gone.holder, mine.space, findProcess) === "dead";
    await onGone?.(isDead ? gone.holder : undefined);
    await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Claims that killed processes left: their lock is gone, so they claim nothing. */
async function removeClaimsLeft(path: string, space: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.stale`)) continue;
    const claim = await lookAt(join(folder, name));
    if (claim !== undefined && judge(claim.holder, space, findProcess) === "dead")
      await rm(join(folder, name), { force: true });
  }
}

/** Without a pause between making the file and writing it: a run that is killed there would leave a lock that names nobody. */
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

export interface Waiting {
  /**
   * Called each time the lock is found taken, with its holder where the file names one, and how long this process has waited, in ms;
   * what it throws ends the waiting.
   */
  readonly onTaken: (holder: Holder | undefined, waitedMs: number) => void;
  /** Called before a lock is taken away whose holder is gone: with that holder, where its process is known to have died. */
  readonly onGone?: (dead: Holder | undefined) => void | Promise<void>;
  /** Longest pause between two looks, in ms. */
  readonly pauseMs: number;
}

/**
 * Runs `work` while holding the lock file at `path`, in a folder that is there. The file names its holder. A holder on this machine
 * keeps its lock for as long as its process lives; one elsewhere for as long as its heartbeat changes.
 * @throws what `onTaken` throws, and the signal's reason on interruption
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
  const [watch, claimWatch] = [new Watch(), new Watch()];
  // The pauses are what is counted: a clock may jump, and a process that was stopped watched nothing meanwhile.
  let [waitedMs, pausedMs] = [0, 0];
  while (!tryTake(path, mine)) {
    const look = await lookAt(path);
    if (look === undefined) continue;
    const verdict = judge(look.holder, space, findProcess);
    if (isGone(verdict, watch.see(look.sign, pausedMs))) {
      const claimUnchanged = (sign: string): number => claimWatch.see(sign, pausedMs);
      await removeGone(path, look, mine, onGone, claimUnchanged);
      if ((await lookAt(path)) === undefined) continue;
    } else onTaken(look.holder, waitedMs);
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
    if ((await lookAt(path))?.holder?.token === mine.token) await rm(path, { force: true });
  }
}
