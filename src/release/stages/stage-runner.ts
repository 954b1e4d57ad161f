import { messageOf, onTemplate } from "../../support/errors";
import type { StageName } from "../../support/events";
import type { Host } from "../../support/host";
import type { StageRecord } from "../request";

/** Reports the progress of a stage. */
export function stageProgress(host: Host, template: string, stage: StageName): (message: string) => void {
  return (message) => {
    host.emit({ type: "stage-progress", template, stage, message });
  };
}

export type StageRunner = ReturnType<typeof stageRunner>;

interface StageAnswer<T> {
  readonly value: T;
  readonly outcome?: "done" | "reused";
  readonly message?: string;
}

/** Runs the stages of one template: reports start, end and duration, and adds the template to failures. */
export function stageRunner(host: Host, template: string) {
  const records: StageRecord[] = [];
  const note = (
    stage: StageName,
    outcome: StageRecord["outcome"],
    durationMs: number,
    message?: string,
  ): void => {
    records.push({ stage, outcome, durationMs });
    host.emit({ type: "stage-finished", template, stage, outcome, durationMs, message });
  };
  return {
    records: records as readonly StageRecord[],
    /** Runs a stage; the answer's `outcome` says whether it was done or reused. */
    async run<T>(
      stage: StageName,
      work: (progress: (message: string) => void) => Promise<StageAnswer<T>>,
    ): Promise<T> {
      host.signal.throwIfAborted();
      host.emit({ type: "stage-started", template, stage });
      const startedAt = host.clock.now();
      try {
        const answer = await work(stageProgress(host, template, stage));
        note(stage, answer.outcome ?? "done", host.clock.now() - startedAt, answer.message);
        return answer.value;
      } catch (error) {
        note(stage, "failed", host.clock.now() - startedAt, messageOf(error));
        throw onTemplate(error, template);
      }
    },
    /** Reports a stage that does not run, and the reason. */
    pass: (stage: StageName, outcome: "reused" | "skipped", why: string): void => {
      note(stage, outcome, 0, why);
    },
  };
}
