import type { Platform } from "../blaxel/platform";
import type { Host } from "../support/host";

export interface LogRequest {
  readonly name: string;
  /** Time of the upload, ms since the epoch; older lines are ignored. */
  readonly sentAt: number;
  readonly pollMs: number;
  /** Repeat the request while there is nothing: the platform's log is some seconds behind its status. */
  readonly patient?: boolean;
}

/** The lines carry the platform's time, and clocks differ. */
const MARGIN_MS = 60_000;
const TRIES = 3;

/** The last lines of the build log of an upload. */
export async function lastLog(
  host: Host,
  platform: Platform,
  { name, sentAt, pollMs, patient = false }: LogRequest,
): Promise<readonly string[]> {
  for (let tries = 1; ; tries += 1) {
    const lines = await platform.logLines(name, host.clock.now() - sentAt + MARGIN_MS);
    if (lines.length > 0 || !patient || tries >= TRIES) return lines;
    await host.clock.sleep(pollMs, host.signal);
  }
}
