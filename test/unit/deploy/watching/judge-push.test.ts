import { describe, expect, it } from "vitest";
import {
  judgePush,
  type PushedImage,
  type PushJudgement,
  type PushWatch,
} from "../../../../src/deploy/watching/judge";

const image = (status?: string, updatedAt = "1"): PushedImage => ({ status, updatedAt });
const GRACE = 180_000;

describe("what the image's state means for the push that is waited for", () => {
  const cases: readonly (readonly [string, Partial<PushWatch>, PushJudgement])[] = [
    ["one new tag is the answer", { fresh: ["new"] }, "built"],
    ["several new tags are nobody's", { fresh: ["new", "other"], blResult: "built" }, "several"],
    ["BUILT without a new tag is left over", { elapsedMs: 29_000 }, "waiting"],
    ["… until a build would have begun", { elapsedMs: 30_000 }, "nothing new"],
    ["… or the time is up", { elapsedMs: 5_000, graceMs: 5_000 }, "nothing new"],
    [
      "the tag of the same inputs is the answer at once when bl said built",
      { known: "old", blResult: "built" },
      "known",
    ],
    ["… a new tag comes first", { known: "old", blResult: "built", fresh: ["new"] }, "built"],
    [
      "… not while a build is under way",
      { known: "old", blResult: "built", now: image("BUILDING") },
      "waiting",
    ],
    ["… not when bl said nothing", { known: "old" }, "waiting"],
    ["… not when bl said that it failed", { known: "old", blResult: "failed" }, "waiting"],
    [
      "FAILED is left over for some seconds",
      { before: image("FAILED"), now: image("FAILED"), elapsedMs: 14_000 },
      "waiting",
    ],
    ["… and then is not", { before: image("FAILED"), now: image("FAILED"), elapsedMs: 15_000 }, "failed"],
    ["FAILED that has moved is the answer", { before: image("FAILED"), now: image("FAILED", "2") }, "failed"],
    ["FAILED after BUILT is the answer", { now: image("FAILED") }, "failed"],
    ["a build is waited on", { now: image("BUILDING"), elapsedMs: 10 * GRACE }, "waiting"],
    [
      "an image that is not there is waited on for the grace",
      { now: image(), elapsedMs: GRACE - 1 },
      "waiting",
    ],
    ["… and no longer", { now: image(), elapsedMs: GRACE }, "nothing new"],
  ];
  it.each(cases)("%s", (_what, facts, expected) => {
    const watch: PushWatch = {
      before: image("BUILT"),
      now: image("BUILT"),
      fresh: [],
      known: undefined,
      blResult: undefined,
      elapsedMs: 0,
      graceMs: GRACE,
      ...facts,
    };
    expect(judgePush(watch)).toEqual(expected);
  });
});
