import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { Failure, hasErrno } from "../support/errors";
import { removeAbandoned } from "../support/files";
import type { Host } from "../support/host";

/** A holder that shows no sign of life for this long is gone, in ms. */
export const STALE_MS = 10_000;
const RENEW_MS = 2_000;
const WAIT_LIMIT_MS = 60_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  readonly token: string;
}

function isHolder(value: unknown): value is Holder {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "host" in value &&
    typeof value.host === "string"
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
 * Takes a lock whose holder is gone out of the way, and with it what that holder left half written. One process at a time does
 * this, under a lock of its own, and looks again once it has it: a fresh lock is never removed by mistake.
 * @returns whether it was removed
 */
async function removeStale(manifestPath: string, path: string, mine: Holder, now: number): Promise<boolean> {
  if (!(await isStale(path, now))) return false;
  const claim = `${path}.stale`;
  if (!(await tryTake(claim, mine))) {
    if (await isStale(claim, now)) await rm(claim, { force: true });
    return false;
  }
  try {
    if (!(await isStale(path, now))) return false;
    await removeAbandoned(manifestPath);
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

/**
 * Runs `work` while holding the lock beside the manifest. The file names its holder; a holder that died or shows no
 * sign of life for STALE_MS is passed over.
 * @throws Failure MANIFEST_LOCKED (exit 8) naming the holder after a minute
 */
export async function withManifestLock<T>(
  host: Host,
  manifestPath: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = `${manifestPath}.lock`;
  const begun = host.clock.now();
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date(begun).toISOString(),
    token: `${host.runId}-${Math.random().toString(36).slice(2)}`,
  };
  while (!(await tryTake(path, holder))) {
    const now = host.clock.now();
    if (await removeStale(manifestPath, path, holder, now)) continue;
    if (now - begun > WAIT_LIMIT_MS) {
      const other = await readHolder(path);
      throw new Failure({
        code: "MANIFEST_LOCKED",
        kind: "manifest",
        message: `${manifestPath} is being changed by ${other === undefined ? "another run" : `process ${String(other.pid)} on ${other.host} since ${other.since}`}.`,
        hint: `Wait for it to end; if it is gone, remove ${path}.`,
      });
    }
    await host.clock.sleep(5 + Math.random() * 20, host.signal);
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
