import { Failure } from "../support/errors";
import { withFileLock, type Waiting } from "../support/file-lock";
import { removeAbandoned } from "../support/files";
import type { Host } from "../support/host";

const WAIT_LIMIT_MS = 60_000;

/**
 * Runs `work` while holding the lock beside the manifest.
 * @throws Failure MANIFEST_LOCKED (exit 8) naming the holder after a minute
 */
export async function withManifestLock<T>(
  host: Host,
  manifestPath: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = `${manifestPath}.lock`;
  const waiting: Waiting = {
    pauseMs: 25,
    // What its holder left half written goes with it.
    onAbandoned: () => removeAbandoned(manifestPath),
    onTaken: (other, waitedMs) => {
      if (waitedMs <= WAIT_LIMIT_MS) return;
      throw new Failure({
        code: "MANIFEST_LOCKED",
        kind: "manifest",
        message: `${manifestPath} is being changed by ${other === undefined ? "another run" : `process ${String(other.pid)} on ${other.host} since ${other.since}`}.`,
        hint: `Wait for it to end; if it is gone, remove ${path}.`,
      });
    },
  };
  return withFileLock(host, path, waiting, work);
}
