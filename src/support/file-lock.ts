import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
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
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return hasErrno(error, "ESRCH");
  }
}

/**
 * Takes a lock whose holder is gone out of the way; somebody else may have done so first.
 * @returns the holder, when its process is known to have died
 */
async function removeStale(path: string, now: number): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  let age: number;
  try {
    age = now - (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
  const dead = holder !== undefined && isDead(holder);
  if (!dead && age <= STALE_MS) return undefined;
  // Whoever takes it away first claims it under a name of its own, so that a fresh lock is never removed by mistake.
  const { rename } = await import("node:fs/promises");
  const claimed = `${path}.stale-${String(process.pid)}-${String(now)}`;
  try {
    await rename(path, claimed);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  const taken = await readHolder(claimed);
  if (holder !== undefined && taken?.token !== holder.token && taken !== undefined) {
    // A fresh lock was caught between look and rename: give it back unless its place is taken.
    const { link } = await import("node:fs/promises");
    await link(claimed, path).catch(() => undefined);
  }
  await rm(claimed, { force: true });
  return dead ? holder : undefined;
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
  /** Called with a holder whose process died while it held the lock. */
  readonly onDead?: (holder: Holder) => void;
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
  { onTaken, onDead, pauseMs }: Waiting,
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
    const dead = await removeStale(path, now);
    if (dead !== undefined) onDead?.(dead);
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
