import { describe, expect, it } from "vitest";
import type { Row } from "../../bench/measure";
import { withRows, type Results } from "../../bench/results";

const row = (name: string, ours: number): Row => ({
  name,
  ours,
  theirs: null,
  ratio: null,
  goal: "",
  met: true,
});
const before: Results = { machine: "this one", rows: [row("a", 1), row("b", 2)] };

describe("a row that is measured again", () => {
  it("is kept beside the other results of the same machine", () => {
    expect(withRows(before, "this one", [row("a", 3)])).toEqual({
      machine: "this one",
      rows: [row("b", 2), row("a", 3)],
    });
  });

  it("replaces results of another machine", () => {
    const alone = { machine: "another", rows: [row("a", 3)] };
    expect(withRows(before, "another", [row("a", 3)])).toEqual(alone);
    expect(withRows(undefined, "another", [row("a", 3)])).toEqual(alone);
  });
});
