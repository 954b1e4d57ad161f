import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { withFileLock, type Holder } from "../support/file-lock";
import type { Host } from "../support/host";

/**
 * Runs `work` when no other process below this root does the same work: the lock file names it. Says once who is waited
 * for; Ctrl-C ends the waiting, and a process that died is not waited for.
 * @param what the work, for people: "release of debian 0.20.0"
 * @param work is given the runs that died over this very work
 */
export async function oneAtATime<T>(
  host: Host,
  lockFile: string,
  what: string,
  say: (message: string) => void,
  work: (abandoned: readonly string[]) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true });
  let said = false;
  const onTaken = (holder: Holder | undefined): void => {
    if (said || holder === undefined) return;
    said = true;
    say(
      `waiting for another ${what} (process ${String(holder.pid)} on ${holder.host} since ${holder.since})`,
    );
  };
  const abandoned: string[] = [];
  const onAbandoned = (dead: Holder | undefined): void => {
    if (dead !== undefined) abandoned.push(dead.run);
  };
  return withFileLock(host, lockFile, { onTaken, onAbandoned, pauseMs: 250 }, () => work(abandoned));
}
