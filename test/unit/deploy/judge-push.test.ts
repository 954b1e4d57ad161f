import { describe, expect, it } from "vitest";
import { judgePush } from "../../../src/deploy/judge-push";

const before = (status?: string): { status: string | undefined; updatedAt: string } => ({
  status,
  updatedAt: "1",
});
const now = (
  status: string | undefined,
  fresh: readonly string[] = [],
  updatedAt = "1",
): Parameters<typeof judgePush>[1] => ({
  status,
  updatedAt,
  fresh,
});
const GRACE = 180_000;

describe("what the image's state means for the push that is waited for", () => {
  it.each([
    ["a new tag is its proof", before("BUILT"), now("BUILT", ["new"]), 0, { is: "built", tag: "new" }],
    ["several new tags prove nothing", before("BUILT"), now("BUILT", ["new", "other"]), 0, { is: "several" }],
    ["BUILT without a new tag is left over", before("BUILT"), now("BUILT"), 60_000, { is: "waiting" }],
    ["… until the grace is over", before("BUILT"), now("BUILT"), GRACE, { is: "unchanged" }],
    ["FAILED is left over for some seconds", before("FAILED"), now("FAILED"), 14_000, { is: "waiting" }],
    ["… and then is not", before("FAILED"), now("FAILED"), 15_000, { is: "failed" }],
    ["FAILED that has moved is the answer", before("FAILED"), now("FAILED", [], "2"), 0, { is: "failed" }],
    ["FAILED after BUILT is the answer", before("BUILT"), now("FAILED"), 0, { is: "failed" }],
    ["a build is waited on", before(), now("BUILDING"), 10 * GRACE, { is: "waiting" }],
    [
      "an image that is not there is waited on for the grace",
      before(),
      now(undefined),
      GRACE - 1,
      { is: "waiting" },
    ],
  ])("%s", (_what, was, is, elapsedMs, expected) => {
    expect(judgePush(was, is, elapsedMs, GRACE)).toEqual(expected);
  });
});
