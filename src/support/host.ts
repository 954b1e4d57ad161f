import { markText, thisProcess } from "./processes/alive";
import type { Clock } from "./clock";
import type { Environment } from "./environment";
import type { EmitEvent } from "./events";
import type { RunProcess } from "./processes/run-process";
import type { Redactor } from "./redact";

/** All access to the outside world, passed down from the top. Tests pass their own. */
export interface Host {
  readonly env: Environment;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly run: RunProcess;
  readonly emit: EmitEvent;
  readonly redact: Redactor;
  /** Aborted on Ctrl-C / SIGTERM with a Failure of kind "interrupted". */
  readonly signal: AbortSignal;
  /** A short random name of this run: value of the label mesa-template.run of every container, network and image it makes. */
  readonly runId: string;
}

/** Label of everything this program makes on an engine; nothing without it is ever removed. */
export const RUN_LABEL = "mesa-template.run";
/** Label of temporary objects: the mark of the process that uses them, so that leftovers of a dead one are recognizable. */
export const PROCESS_LABEL = "mesa-template.process";
export const VERSION_LABEL = "mesa-template.version";

/** Labels of temporary objects of this run. */
export function runLabels({ runId }: Host): Readonly<Record<string, string>> {
  return { [RUN_LABEL]: runId, [PROCESS_LABEL]: markText(thisProcess()) };
}
