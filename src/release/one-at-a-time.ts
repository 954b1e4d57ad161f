import { dirname } from "node:path";
import { holderText, withFileLock, type Holder, type Waiting } from "../support/files/file-lock";
import { makeFolder } from "../support/files/files";
import type { Host } from "../support/host";

/**
 * Runs `work` while no other process below this root does the same, according to the lock file. Reports once which process it waits for.
 * Ctrl-C ends the wait; it does not wait for a dead process.
 * @param what the work, for people: "release of debian 0.20.0"
 * @param onGone called before the lock of a process that died is taken
 */
export async function oneAtATime<T>(
  host: Host,
  lockFile: string,
  what: string,
  say: (message: string) => void,
  work: () => Promise<T>,
  onGone?: Waiting["onGone"],
): Promise<T> {
  await makeFolder(dirname(lockFile));
  let announced: string | undefined;
  const onTaken = (holder: Holder | undefined): void => {
    const token = holder?.token ?? "";
    if (token === announced) return;
    announced = token;
    say(
      `waiting for another ${what} (${holder === undefined ? `${lockFile} names no process` : holderText(holder)})`,
    );
  };
  return withFileLock(host, lockFile, { onTaken, onGone, pauseMs: 250 }, work);
}
