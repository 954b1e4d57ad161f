import { afterEach, expect, it, vi } from "vitest";
import { progressFor } from "../../../../src/cli/output/progress";
import { systemClock } from "../../../../src/support/clock";
import { createRedactor } from "../../../../src/support/redact";

afterEach(() => {
  vi.useRealTimers();
});

/** What stands on a terminal in the end: tabs go to every eighth column, CJK characters take two. */
function shownOn(columns: number, text: string): readonly string[] {
  const rows: string[][] = [[]];
  let [row, column, wraps] = [0, 0, true];
  const put = (character: string, width: number): void => {
    if (column + width > columns && wraps) [row, column] = [row + 1, 0];
    column = Math.min(column, columns - width);
    (rows[row] ??= [])[column] = character;
    column += width;
  };
  for (const [token, argument = "", command] of text.matchAll(/\u001b\[([?\d]*)([A-Za-z])|[^]/gu)) {
    if (token === "\n") [row, column] = [row + 1, 0];
    else if (token === "\t") column = Math.min(columns - 1, column + 8 - (column % 8));
    else if (command === undefined) put(token, token > "\u2fff" ? 2 : 1);
    else if (command === "A") row -= Number(argument);
    else if (command === "K") rows[row]?.splice(column);
    else if (command === "J") {
      rows[row]?.splice(column);
      rows.splice(row + 1);
    } else if (argument === "?7") wraps = command === "h";
  }
  return rows.map((cells) => Array.from(cells, (cell: string | undefined) => cell ?? " ").join(""));
}

it.each([
  "RUN true\t&& true\t&& true\t&& true\t&& true",
  "RUN : 日本語のテンプレートを作成しています日本語の",
])("redraws in place while a message is wider than it counts: %s", (message) => {
  vi.useFakeTimers();
  let text = "$ mesa-template release\n";
  const write = (more: string): void => {
    text += more;
  };
  const screen = (): { columns: number; rows: number } => ({ columns: 60, rows: 24 });
  const progress = progressFor(screen, write, systemClock, createRedactor({}));
  progress.handle({ type: "release-started", version: "0.20.0", templates: ["debian"] });
  progress.handle({ type: "stage-started", template: "debian", stage: "build" });
  progress.handle({ type: "stage-progress", template: "debian", stage: "build", message });
  vi.advanceTimersByTime(1_000);
  progress.print("a note that is longer than a line of this terminal, so it takes two of them");
  vi.advanceTimersByTime(1_000);
  progress.close();
  const shown = shownOn(60, text);
  expect(shown.filter((line) => line.includes("debian 0.20.0"))).toHaveLength(1);
  expect(shown.slice(0, 4)).toEqual([
    "$ mesa-template release",
    "a note that is longer than a line of this terminal, so it ta",
    "kes two of them",
    "debian 0.20.0",
  ]);
  expect(shown.join("\n")).toContain("build (not finished)");
});

it("tells a warning once", () => {
  const lines: string[] = [];
  const progress = progressFor(undefined, (line) => lines.push(line), systemClock, createRedactor({}));
  for (const message of ["one", "two", "one"]) progress.handle({ type: "warning", message });
  for (let count = 0; count < 2; count += 1) progress.handle({ type: "note", message: "again" });
  expect(lines.map((line) => line.replace(/^\[.*?\] /u, ""))).toEqual([
    "warning: one\n",
    "warning: two\n",
    "again\n",
    "again\n",
  ]);
});
