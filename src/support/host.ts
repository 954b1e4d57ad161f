import { markText, thisProcess } from "./alive";
import type { Clock } from "./clock";
import type { EmitEvent } from "./events";
import type { RunProcess } from "./process";
import type { Redactor } from "./redact";

/** Everything that touches the world outside, handed from the top to whoever acts. Tests hand in their own. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly run: RunProcess;
  readonly emit: EmitEvent;
  readonly redact: Redactor;
  /** Aborted on Ctrl-C / SIGTERM with a Failure of kind "interrupted". */
  readonly signal: AbortSignal;
  /** A short random name for this run; every container, network and image made carries it in the label mesa-template.run. */
  readonly runId: string;
}

/** Label keys of everything this program makes on an engine; nothing without them is ever removed. */
export const RUN_LABEL = "mesa-template.run";
/** On what a run makes and removes again itself: the mark of its process, so that what a dead one left is told from what is in use. */
export const PROCESS_LABEL = "mesa-template.process";
export const VERSION_LABEL = "mesa-template.version";

/** The labels of what this run makes to be used and removed again. */
export function runLabels({ runId }: Host): Readonly<Record<string, string>> {
  return { [RUN_LABEL]: runId, [PROCESS_LABEL]: markText(thisProcess()) };
}
