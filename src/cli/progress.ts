import type { ReleaseEvent } from "../support/events";
import type { Clock } from "../support/clock";
import type { Redactor } from "../support/redact";
import { stampedLine } from "./plain-progress";

export interface Progress {
  handle(event: ReleaseEvent): void;
  /** Ends the picture so that what follows stands below it. */
  close(): Promise<void>;
}

/** Time-stamped lines, for pipes, CI and NO_COLOR. */
export function plainProgress(write: (text: string) => void, clock: Clock, redact: Redactor): Progress {
  return {
    handle(event) {
      const line = stampedLine(event, clock.now());
      if (line !== undefined) write(redact(line));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A live task tree on a terminal, plain lines otherwise. The tree's library is loaded when a release begins to show,
 * not before; events that come meanwhile are kept for it.
 */
export function progressFor(
  live: boolean,
  write: (text: string) => void,
  clock: Clock,
  redact: Redactor,
): Progress {
  const plain = plainProgress(write, clock, redact);
  if (!live) return plain;
  let tree: Promise<Progress> | undefined;
  let waiting: ReleaseEvent[] = [];
  let ready: Progress | undefined;
  return {
    handle(event) {
      if (ready !== undefined) {
        ready.handle(event);
        return;
      }
      if (tree === undefined && event.type !== "release-started") {
        plain.handle(event);
        return;
      }
      waiting.push(event);
      tree ??= import("./task-tree").then(({ taskTree }) => {
        ready = taskTree(redact);
        for (const kept of waiting) ready.handle(kept);
        waiting = [];
        return ready;
      });
    },
    async close() {
      if (tree !== undefined) await (await tree).close();
    },
  };
}
