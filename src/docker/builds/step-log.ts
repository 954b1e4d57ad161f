import { lineCutter, type LineCutter } from "../../support/text/line-cutter";

/** Longer lines (characters) are cut. */
const LONGEST_LINE = 64 * 1024;

/** Lines that are kept of each step. */
const LIMIT = 40;

export type StepLog = ReturnType<typeof stepLog>;

/** Keeps the last lines of several steps, and of all together. */
export function stepLog(limit = LIMIT) {
  const kept = new Map<string, string[]>();
  const cutters = new Map<string, LineCutter>();
  const everything: string[] = [];
  const keep = (lines: string[], line: string): void => {
    lines.push(line);
    if (lines.length > limit) lines.shift();
  };
  return {
    /** Takes a step's text as it comes and returns the lines that are now complete. */
    take(step: string, text: string): readonly string[] {
      const cutter = cutters.get(step) ?? lineCutter(LONGEST_LINE, /\r?\n|\r/u);
      cutters.set(step, cutter);
      const parts = cutter.take(text);
      const lines = kept.get(step) ?? [];
      kept.set(step, lines);
      for (const line of parts) {
        keep(lines, line);
        keep(everything, line);
      }
      return parts;
    },
    /** The last lines of a step; of everything if the step printed nothing. */
    last(step: string | undefined): readonly string[] {
      if (step === undefined) return everything;
      const rest = cutters.get(step)?.rest() ?? "";
      const own = [...(kept.get(step) ?? []), ...(rest === "" ? [] : [rest])];
      return own.length > 0 ? own.slice(-limit) : everything;
    },
  };
}
