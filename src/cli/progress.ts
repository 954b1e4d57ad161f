import { clearInterval, setInterval } from "node:timers";
import { liveTree, type Screen } from "./live-tree";
import { progressLine } from "./progress-line";
import { stagesOf, type ReleaseEvent, type StageName } from "../support/events";
import type { Clock } from "../support/clock";
import type { Redactor } from "../support/redact";

/** What people see of a run, on stderr. */
export interface Progress {
  handle(event: ReleaseEvent): void;
  /** Writes text that is not overwritten. */
  print(text: string): void;
  /** Ends the drawing; later output appears below it. */
  close(): void;
  /** Unfinished stages by template; empty if nothing is being released. */
  notReached(): readonly string[];
}

/** The event's line, prefixed with the time of day (UTC). */
function stampedLine(event: ReleaseEvent, nowMs: number): string | undefined {
  const line = progressLine(event);
  return line === undefined ? undefined : `[${new Date(nowMs).toISOString().slice(11, 19)}] ${line}\n`;
}

/** Interval between frames on a terminal, in ms. */
const FRAME_MS = 100;

/** During a release, a live tree on a terminal; otherwise time-stamped lines. */
export function progressFor(
  screen: Screen | undefined,
  write: (text: string) => void,
  clock: Clock,
  redact: Redactor,
): Progress {
  const unfinished = new Map<string, Set<StageName>>();
  let tree: ReturnType<typeof liveTree> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const showPlainly = (event: ReleaseEvent): void => {
    const line = stampedLine(event, clock.now());
    if (line !== undefined) write(redact(line));
  };
  return {
    handle(event) {
      if (event.type === "release-started") {
        for (const template of event.templates)
          unfinished.set(template, new Set(stagesOf(event.publishes === true)));
        if (screen !== undefined && tree === undefined) {
          tree = liveTree(event, screen, clock, redact);
          timer = setInterval(tree.draw, FRAME_MS);
          timer.unref();
          return;
        }
      }
      if (event.type === "stage-finished" && event.outcome !== "failed")
        unfinished.get(event.template)?.delete(event.stage);
      if (tree === undefined) showPlainly(event);
      else tree.handle(event);
    },
    print(text) {
      if (tree === undefined) write(text);
      else tree.print(text);
    },
    close() {
      clearInterval(timer);
      tree?.close();
      tree = undefined;
    },
    notReached: () =>
      [...unfinished]
        .filter(([, stages]) => stages.size > 0)
        .map(([template, stages]) => `${template}: ${[...stages].join(", ")}`),
  };
}
