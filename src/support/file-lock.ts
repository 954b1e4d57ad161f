import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { isAlive } from "./alive";
import { hasErrno } from "./errors";
import type { Host } from "./host";

/** A holder that shows no sign of life for this long is gone, in ms. */
export const STALE_MS = 10_000;
const RENEW_MS = 2_000;

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  readonly token: string;
  /** The run that holds it: what it made carries this in its label. */
  readonly run: string;
}

function isHolder(value: unknown): value is Holder {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "host" in value &&
    typeof value.host === "string" &&
    "run" in value &&
    typeof value.run === "string"
  );
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDead(holder: Holder): boolean {
  return holder.host === hostname() && !isAlive(holder.pid);
}

/** Whether the lock at a path was left there: by a holder that is dead, or that shows no sign of life. */
async function isStale(path: string, now: number): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder !== undefined && isDead(holder)) return true;
  try {
    return now - (await stat(path)).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
}

/**
 * Takes a lock whose holder is gone out of the way. One process at a time does this, under a lock of its own, and looks again
 * once it has it: a fresh lock is never removed by mistake.
 * @returns whether it was removed
 */
async function removeStale(
  path: string,
  mine: Holder,
  now: number,
  onAbandoned: Waiting["onAbandoned"],
): Promise<boolean> {
  if (!(await isStale(path, now))) return false;
  const claim = `${path}.stale`;
  if (!(await tryTake(claim, mine))) {
    if (await isStale(claim, now)) await rm(claim, { force: true });
    return false;
  }
  try {
    if (!(await isStale(path, now))) return false;
    const holder = await readHolder(path);
    await onAbandoned?.(holder !== undefined && isDead(holder) ? holder : undefined);
    await rm(path, { force: true });
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

async function tryTake(path: string, holder: Holder): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    try {
      await handle.writeFile(JSON.stringify(holder));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return false;
    throw error;
  }
}

export interface Waiting {
  /** Called each time the lock is found taken, with its holder where it can be read; what it throws ends the waiting. */
  readonly onTaken: (holder: Holder | undefined, waitedMs: number) => void;
  /** Called before a lock is taken away whose holder is gone: with that holder, where its process is known to have died. */
  readonly onAbandoned?: (dead: Holder | undefined) => void | Promise<void>;
  /** Longest pause between two looks, in ms. */
  readonly pauseMs: number;
}

/**
 * Runs `work` while holding the lock file at `path`, in a folder that is there. The file names its holder; a holder that
 * died or shows no sign of life for STALE_MS is passed over.
 * @throws what `onTaken` throws, and the signal's reason on interruption
 */
export async function withFileLock<T>(
  host: Host,
  path: string,
  { onTaken, onAbandoned, pauseMs }: Waiting,
  work: () => Promise<T>,
): Promise<T> {
  const begun = host.clock.now();
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date(begun).toISOString(),
    token: `${host.runId}-${Math.random().toString(36).slice(2)}`,
    run: host.runId,
  };
  while (!(await tryTake(path, holder))) {
    const now = host.clock.now();
    if (await removeStale(path, holder, now, onAbandoned)) continue;
    onTaken(await readHolder(path), now - begun);
    await host.clock.sleep(pauseMs * (0.2 + 0.8 * Math.random()), host.signal);
  }
  const renew = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, RENEW_MS);
  renew.unref();
  try {
    return await work();
  } finally {
    clearInterval(renew);
    if ((await readHolder(path))?.token === holder.token) await rm(path, { force: true });
  }
}
