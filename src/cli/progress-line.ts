import type { ReleaseEvent } from "../support/events";

/** A time that a stage took or has taken so far. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** An event as a line for people; undefined for events that are only for machines. */
export function progressLine(event: ReleaseEvent): string | undefined {
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
