import { stripVTControlCharacters } from "node:util";
import { progressLine, seconds } from "./progress-line";
import { stagesOf, type ReleaseEvent, type StageName } from "../support/events";
import type { Clock } from "../support/clock";
import type { Redactor } from "../support/redact";

export interface Screen {
  readonly write: (text: string) => void;
  /** Columns and rows of the terminal; read again for each frame, because windows change. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

type Stage =
  | { readonly state: "waiting" }
  | { readonly state: "running"; readonly since: number; readonly message: string }
  | { readonly state: "finished"; readonly event: ReleaseEvent & { readonly type: "stage-finished" } };

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SIGNS = {
  done: "\u001b[32m✔\u001b[0m",
  reused: "\u001b[32m✔\u001b[0m",
  skipped: "\u001b[33m↓\u001b[0m",
  failed: "\u001b[31m✖\u001b[0m",
} as const;

function dim(text: string): string {
  return `\u001b[2m${text}\u001b[0m`;
}

/** A template's stages on a terminal, redrawn in place. Other output appears above them. */
export function liveTree(
  started: ReleaseEvent & { readonly type: "release-started" },
  screen: Screen,
  clock: Clock,
  redact: Redactor,
): {
  readonly handle: (event: ReleaseEvent) => void;
  readonly print: (text: string) => void;
  readonly draw: () => void;
  readonly close: () => void;
} {
  const templates = new Map<string, Map<StageName, Stage>>(
    started.templates.map((name) => [
      name,
      new Map(stagesOf(started.publishes === true).map((stage) => [stage, { state: "waiting" }])),
    ]),
  );
  /** The first line of a message, without secrets and control characters, which cutting a line could break. */
  const oneLine = (text: string): string => stripVTControlCharacters(redact(text).split(/[\r\n]/u)[0] ?? "");
  let drawn = 0;
  let frame = 0;
  let closed = false;

  const stageLine = (name: StageName, stage: Stage, columns: number): string => {
    const cut = (text: string): string =>
      Array.from(text)
        .slice(0, Math.max(10, columns - 5))
        .join("");
    if (stage.state === "waiting")
      return closed ? `  ${dim(cut(`- ${name} (not reached)`))}` : `  ${dim(cut(`· ${name}`))}`;
    if (stage.state === "running") {
      const text = `${name} ${seconds(clock.now() - stage.since)}${stage.message === "" ? "" : `  ${stage.message}`}`;
      return closed
        ? `  ${SIGNS.failed} ${cut(`${name} (not finished)`)}`
        : `  \u001b[36m${FRAMES[frame % FRAMES.length] ?? ""}\u001b[0m ${cut(text)}`;
    }
    const { outcome, durationMs, message } = stage.event;
    const took = outcome === "done" ? ` ${seconds(durationMs)}` : outcome === "failed" ? "" : ` ${outcome}`;
    return `  ${SIGNS[outcome]} ${cut(`${name}${took}${message === undefined ? "" : `: ${oneLine(message)}`}`)}`;
  };

  const picture = (): readonly string[] => {
    const { columns, rows } = screen.size();
    const whole = [...templates].flatMap(([name, stages]) => [
      `\u001b[1m${name} ${started.version}\u001b[0m`,
      ...[...stages].map(([stage, shown]) => stageLine(stage, shown, columns)),
    ]);
    if (closed || whole.length < rows) return whole;
    // Lines that scrolled away cannot be redrawn, so a low window shows only the running stages.
    return [...templates]
      .flatMap(([name, stages]) =>
        [...stages]
          .filter(([, shown]) => shown.state === "running")
          .map(([stage, shown]) => `${name}${stageLine(stage, shown, columns - name.length)}`),
      )
      .slice(0, Math.max(1, rows - 1));
  };

  const erase = (): string => (drawn === 0 ? "" : `\u001b[${String(drawn)}A\u001b[0J`);
  const draw = (): void => {
    const lines = picture();
    frame += 1;
    const text = lines.map((line) => `${line}\n`).join("");
    screen.write(`${erase()}${text}`);
    drawn = lines.length;
  };
  const print = (text: string): void => {
    if (text === "") return;
    screen.write(`${erase()}${text.endsWith("\n") ? text : `${text}\n`}`);
    drawn = 0;
    draw();
  };

  draw();
  return {
    draw,
    print,
    handle(event) {
      if (event.type === "stage-started")
        templates
          .get(event.template)
          ?.set(event.stage, { state: "running", since: clock.now(), message: "" });
      else if (event.type === "stage-progress") {
        const stages = templates.get(event.template);
        const stage = stages?.get(event.stage);
        if (stage?.state === "running")
          stages?.set(event.stage, { ...stage, message: oneLine(event.message) });
      } else if (event.type === "stage-finished")
        templates.get(event.template)?.set(event.stage, { state: "finished", event });
      else print(redact(progressLine(event) ?? ""));
    },
    close() {
      closed = true;
      draw();
      drawn = 0;
    },
  };
}
