import type { InitFile } from "./files";

/** The step for one file. */
export interface InitStep {
  readonly path: string;
  readonly outcome: "written" | "overwritten" | "added-to" | "kept" | "left-alone" | "conflict";
  /** New content of the file; absent if it stays unchanged. */
  readonly contents?: Uint8Array;
  readonly mode?: number;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The text with those of the lines appended that it lacks. */
function withLines(before: string, added: string): string {
  const there = new Set(before.split(/\r?\n/u));
  const missing = added.split("\n").filter((line) => line !== "" && !there.has(line));
  if (missing.length === 0) return before;
  return `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
}

/** Decides what to do with one file. `before` is its current content. */
export function initStep(file: InitFile, before: Uint8Array | undefined, force: boolean): InitStep {
  const { path, contents } = file;
  const mode = file.mode === undefined ? {} : { mode: file.mode };
  if (before === undefined) return { path, outcome: "written", contents, ...mode };
  if (same(before, contents)) return { path, outcome: "kept" };
  if (file.as === "once") return { path, outcome: "left-alone" };
  if (file.as === "lines") {
    const [text, added] = [Buffer.from(before).toString("utf8"), Buffer.from(contents).toString("utf8")];
    const whole = withLines(text, added);
    return whole === text
      ? { path, outcome: "kept" }
      : { path, outcome: "added-to", contents: Buffer.from(whole, "utf8") };
  }
  if (force) return { path, outcome: "overwritten", contents, ...mode };
  return { path, outcome: file.as === "whole" ? "left-alone" : "conflict" };
}
