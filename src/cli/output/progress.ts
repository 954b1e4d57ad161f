import { clearInterval, setInterval } from "node:timers";
import { stripVTControlCharacters } from "node:util";
import { grow, notReached, plant, seconds, treeLines, type StageTree } from "./stage-tree";
import { stagesOf, type ReleaseEvent } from "../../support/events";
import type { Clock } from "../../support/clock";
import type { Redactor } from "../../support/redact";

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

/** Columns and rows of the terminal; read again for each frame, because windows change. */
type Size = () => { readonly columns: number; readonly rows: number };

/** An event as a line for people; undefined for events that are only for machines. */
function progressLine(event: ReleaseEvent): string | undefined {
  switch (event.type) {
    case "release-started":
      return `release ${event.version}: ${event.templates.join(", ")}`;
    case "stage-started":
      return `${event.template}: ${event.stage} …`;
    case "stage-progress":
      return `${event.template}: ${event.stage}: ${event.message}`;
    case "stage-finished":
      return `${event.template}: ${event.stage} ${event.outcome} (${seconds(event.durationMs)})${event.message === undefined ? "" : `: ${event.message}`}`;
    case "note":
      return `${event.template === undefined ? "" : `${event.template}: `}${event.message}`;
    case "warning":
      return `warning: ${event.template === undefined ? "" : `${event.template}: `}${event.message}`;
    case "release-finished":
      return undefined;
  }
}

/** Interval between frames on a terminal, in ms. */
const FRAME_MS = 100;

/**
 * During a release, a tree of its stages on a terminal, redrawn in place with other output above it; otherwise time-stamped lines.
 * @param screen of a terminal to draw on
 */
export function progressFor(
  screen: Size | undefined,
  write: (text: string) => void,
  clock: Clock,
  redact: Redactor,
): Progress {
  const tree: StageTree = new Map();
  const warnings = new Set<string>();
  /** The version of a tree that is being drawn. */
  let version: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let [drawn, frame] = [0, 0];
  // Without secrets and control characters, which cutting a line could break.
  const oneLine = (text: string): string => stripVTControlCharacters(redact(text).split(/[\r\n]/u)[0] ?? "");
  const draw = (above = "", isLast = false): void => {
    if (version === undefined || screen === undefined) return;
    const up = drawn === 0 ? "" : `\u001b[${String(drawn)}A`;
    const erase = above === "" ? "" : `\u001b[0J${above}`;
    const view = { version, ...screen(), nowMs: clock.now(), frame, isLast, oneLine };
    const lines = treeLines(tree, view);
    // Without line wrapping (?7l): tabs and wide characters take more columns than they count.
    write(`${up}${erase}\u001b[?7l${lines.map((line) => `\u001b[K${line}\n`).join("")}\u001b[?7h\u001b[0J`);
    [drawn, frame] = [lines.length, frame + 1];
  };
  const print = (text: string): void => {
    if (version === undefined) write(text);
    else if (text !== "") draw(text.endsWith("\n") ? text : `${text}\n`);
  };
  return {
    handle(event) {
      if (event.type === "release-started") {
        plant(tree, event.templates, stagesOf(event.publishes === true));
        if (screen !== undefined && version === undefined) {
          version = event.version;
          draw();
          timer = setInterval(draw, FRAME_MS);
          timer.unref();
          return;
        }
      }
      const isOfStage = grow(tree, event, clock.now());
      const line = progressLine(event);
      if (line === undefined || (isOfStage && version !== undefined) || warnings.has(line)) return;
      if (event.type === "warning") warnings.add(line);
      const time = new Date(clock.now()).toISOString().slice(11, 19);
      print(redact(version === undefined ? `[${time}] ${line}\n` : line));
    },
    print,
    close() {
      clearInterval(timer);
      draw("", true);
      version = undefined;
      drawn = 0;
    },
    notReached: () => notReached(tree),
  };
}
