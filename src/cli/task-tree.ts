import { Listr, type ListrTaskWrapper, type DefaultRenderer, type SimpleRenderer } from "listr2";
import { STAGES, type ReleaseEvent, type StageName } from "../support/events";
import type { Redactor } from "../support/redact";
import type { Progress } from "./progress";

type Wrapper = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>;

/** A stage on the screen: settled by the event that ends it. */
interface ShownStage {
  readonly started: Promise<void>;
  readonly start: () => void;
  readonly finished: Promise<ReleaseEvent | undefined>;
  readonly finish: (event: ReleaseEvent | undefined) => void;
  wrapper?: Wrapper;
}

function shownStage(): ShownStage {
  let start = (): void => undefined;
  let finish: ShownStage["finish"] = () => undefined;
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const finished = new Promise<ReleaseEvent | undefined>((resolve) => {
    finish = resolve;
  });
  return { started, start, finished, finish };
}

function seconds(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A live tree: a branch for each template, a leaf for each stage, fed by events. */
export function taskTree(redact: Redactor): Progress {
  const stages = new Map<string, ShownStage>();
  const key = (template: string, stage: StageName): string => `${template} ${stage}`;
  let running: Promise<unknown> = Promise.resolve();
  const lines: string[] = [];

  const begin = (version: string, templates: readonly string[]): void => {
    for (const template of templates)
      for (const stage of STAGES) stages.set(key(template, stage), shownStage());
    const list = new Listr(
      templates.map((template) => ({
        title: `${template} ${version}`,
        task: (_context: unknown, parent: Wrapper) =>
          parent.newListr(
            STAGES.map((stage) => ({
              title: stage,
              task: async (_inner: unknown, wrapper: Wrapper) => {
                const shown = stages.get(key(template, stage));
                if (shown === undefined) return;
                shown.wrapper = wrapper;
                const end = await shown.finished;
                if (end?.type !== "stage-finished") {
                  wrapper.skip(`${stage} (not reached)`);
                  return;
                }
                const note = end.message === undefined ? "" : `: ${redact(end.message)}`;
                if (end.outcome === "failed") throw new Error(`${stage}${note}`);
                if (end.outcome === "skipped") wrapper.skip(`${stage} (skipped${note})`);
                else
                  wrapper.title = `${stage} ${end.outcome === "reused" ? "reused" : seconds(end.durationMs)}${note}`;
              },
            })),
            { concurrent: true, exitOnError: false },
          ),
      })),
      {
        concurrent: true,
        exitOnError: false,
        rendererOptions: { collapseSubtasks: false, collapseErrors: false, showErrorMessage: true },
      },
    );
    running = list.run().catch(() => undefined);
  };

  return {
    handle(event) {
      if (event.type === "release-started") begin(event.version, event.templates);
      else if (event.type === "stage-started") stages.get(key(event.template, event.stage))?.start();
      else if (event.type === "stage-progress") {
        const wrapper = stages.get(key(event.template, event.stage))?.wrapper;
        if (wrapper !== undefined) wrapper.output = redact(event.message);
      } else if (event.type === "stage-finished") stages.get(key(event.template, event.stage))?.finish(event);
      else if (event.type === "warning" || event.type === "note") {
        lines.push(
          redact(
            `${event.type === "warning" ? "warning: " : ""}${event.template === undefined ? "" : `${event.template}: `}${event.message}`,
          ),
        );
      }
    },
    async close() {
      for (const stage of stages.values()) stage.finish(undefined);
      await running;
      for (const line of lines) process.stderr.write(`${line}\n`);
    },
  };
}
