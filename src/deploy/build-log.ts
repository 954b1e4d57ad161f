import type { Platform } from "../blaxel/platform";
import type { Host } from "../support/host";

export interface LogRequest {
  readonly name: string;
  /** When the upload was sent, ms since the epoch: older lines are not about it. */
  readonly sentAt: number;
  readonly pollMs: number;
  /** Ask again when there is nothing yet: the platform's log is some seconds behind its status. */
  readonly patient?: boolean;
}

/** Clocks differ, and a line's time is the platform's. */
const MARGIN_MS = 60_000;
const TRIES = 3;

/** The last lines of the log of what was sent. */
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
