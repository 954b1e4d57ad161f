import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { holderText, withFileLock, type Holder } from "../support/file-lock";
import type { Host } from "../support/host";

/**
 * Runs `work` when no other process below this root does the same work: the lock file names it. Says who is waited
 * for, once for each; Ctrl-C ends the waiting, and a process that died is not waited for.
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
  let announced: string | undefined;
  const onTaken = (holder: Holder | undefined): void => {
    if (holder === undefined || holder.token === announced) return;
    announced = holder.token;
    say(`waiting for another ${what} (${holderText(holder)})`);
  };
  const abandoned: string[] = [];
  const onGone = (gone: Holder | undefined): void => {
    if (gone !== undefined) abandoned.push(gone.run);
  };
  return withFileLock(host, lockFile, { onTaken, onGone, pauseMs: 250 }, () => work(abandoned));
}
