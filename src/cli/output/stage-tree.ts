import type { ReleaseEvent, StageName } from "../../support/events";

type Stage =
  | { readonly state: "waiting" }
  | { readonly state: "running"; readonly since: number; readonly message: string }
  | { readonly state: "finished"; readonly event: ReleaseEvent & { readonly type: "stage-finished" } };

/** The stages of each template. */
export type StageTree = Map<string, Map<StageName, Stage>>;

/** Adds the templates of a release, whose stages all wait. */
export function plant(tree: StageTree, templates: readonly string[], stages: readonly StageName[]): void {
  for (const template of templates)
    tree.set(template, new Map(stages.map((stage) => [stage, { state: "waiting" }])));
}

/** Takes an event of a stage into the tree. Returns false for every other event. */
export function grow(tree: StageTree, event: ReleaseEvent, nowMs: number): boolean {
  if (event.type !== "stage-started" && event.type !== "stage-progress" && event.type !== "stage-finished")
    return false;
  const stages = tree.get(event.template);
  if (event.type === "stage-finished") stages?.set(event.stage, { state: "finished", event });
  else if (event.type === "stage-started")
    stages?.set(event.stage, { state: "running", since: nowMs, message: "" });
  else {
    const stage = stages?.get(event.stage);
    if (stage?.state === "running") stages?.set(event.stage, { ...stage, message: event.message });
  }
  return true;
}

/** Unfinished stages by template. */
export function notReached(tree: StageTree): readonly string[] {
  return [...tree].flatMap(([template, stages]) => {
    const open = [...stages].filter(
      ([, stage]) => stage.state !== "finished" || stage.event.outcome === "failed",
    );
    return open.length === 0 ? [] : [`${template}: ${open.map(([name]) => name).join(", ")}`];
  });
}

/** A time that a stage took or has taken so far. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

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

/** How a tree is looked at. */
interface View {
  readonly version: string;
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  /** Counts the pictures, for what moves. */
  readonly frame: number;
  /** Whether it is the last picture: what runs now does not finish. */
  readonly isLast: boolean;
  /** Makes one line of a message. */
  readonly oneLine: (text: string) => string;
}

function stageLine(name: StageName, stage: Stage, view: View): string {
  const cut = (text: string): string =>
    Array.from(text)
      .slice(0, Math.max(10, view.columns - 5))
      .join("");
  if (stage.state === "waiting")
    return view.isLast ? `  ${dim(cut(`- ${name} (not reached)`))}` : `  ${dim(cut(`· ${name}`))}`;
  if (stage.state === "running") {
    if (view.isLast) return `  ${SIGNS.failed} ${cut(`${name} (not finished)`)}`;
    const message = stage.message === "" ? "" : `  ${view.oneLine(stage.message)}`;
    const spinner = FRAMES[view.frame % FRAMES.length] ?? "";
    return `  \u001b[36m${spinner}\u001b[0m ${cut(`${name} ${seconds(view.nowMs - stage.since)}${message}`)}`;
  }
  const { outcome, durationMs, message } = stage.event;
  const took = outcome === "done" ? ` ${seconds(durationMs)}` : outcome === "failed" ? "" : ` ${outcome}`;
  const why = message === undefined ? "" : `: ${view.oneLine(message)}`;
  return `  ${SIGNS[outcome]} ${cut(`${name}${took}${why}`)}`;
}

/** A tree as lines. Lines that scroll away cannot be redrawn, so a low window shows only the running stages. */
export function treeLines(tree: StageTree, view: View): readonly string[] {
  const whole = [...tree].flatMap(([template, stages]) => [
    `\u001b[1m${template} ${view.version}\u001b[0m`,
    ...[...stages].map(([name, stage]) => stageLine(name, stage, view)),
  ]);
  if (view.isLast || whole.length < view.rows) return whole;
  return [...tree]
    .flatMap(([template, stages]) => {
      const beside = { ...view, columns: view.columns - template.length };
      return [...stages].flatMap(([name, stage]) =>
        stage.state === "running" ? [`${template}${stageLine(name, stage, beside)}`] : [],
      );
    })
    .slice(0, Math.max(1, view.rows - 1));
}
