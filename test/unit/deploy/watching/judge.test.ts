import { describe, expect, it } from "vitest";
import { judge, type Watch } from "../../../../src/deploy/watching/judge";

const A = "sandbox/x:aaaaaaaaaaaa";
const B = "sandbox/x:bbbbbbbbbbbb";
const watch = (more: Partial<Watch>): Watch => ({
  before: { status: "DEPLOYED", image: A },
  started: false,
  building: false,
  elapsedMs: 0,
  graceMs: 180_000,
  ...more,
});
const now = (status: string, image = A): { status: string; image: string } => ({ status, image });
const waiting = (started: boolean, building = started): object => ({ is: "waiting", started, building });

describe("what a status means for the deploy that is waited for", () => {
  it.each([
    ["a status that moves has started it", watch({}), now("BUILDING"), waiting(true)],
    ["UPLOADING has started it, and builds nothing yet", watch({}), now("UPLOADING"), waiting(true, false)],
    ["DEPLOYED with the old image says nothing yet", watch({}), now("DEPLOYED"), waiting(false)],
    ["… until the grace is over", watch({ elapsedMs: 180_000 }), now("DEPLOYED"), { is: "unchanged" }],
    ["… or something was seen moving", watch({ started: true }), now("DEPLOYED"), { is: "unchanged" }],
    [
      "DEPLOYED with another image is through, seen moving or not",
      watch({}),
      now("DEPLOYED", B),
      { is: "deployed" },
    ],
    [
      "DEPLOYED where no sandbox was is through",
      watch({ before: undefined }),
      now("DEPLOYED", ""),
      { is: "deployed" },
    ],
    ["an archive says nothing of it", watch({}), now("ARCHIVED"), waiting(false)],
    ["… nor does one on its way there", watch({ started: true }), now("ARCHIVING"), waiting(true, false)],
    ["… or back", watch({ before: now("ARCHIVED") }), now("UNARCHIVING"), waiting(false)],
    ["… until the grace is over", watch({ elapsedMs: 180_000 }), now("ARCHIVED"), { is: "stuck" }],
    ["an image that is not named is no other image", watch({}), now("DEPLOYED", ""), waiting(false)],
    [
      "FAILED is left over for some seconds, where it was there before",
      watch({ before: now("FAILED"), elapsedMs: 14_000 }),
      now("FAILED"),
      waiting(false),
    ],
    [
      "… and then is not",
      watch({ before: now("FAILED"), elapsedMs: 15_000 }),
      now("FAILED"),
      { is: "failed", status: "FAILED" },
    ],
    [
      "… nor after something moved",
      watch({ before: now("FAILED"), started: true }),
      now("FAILED"),
      { is: "failed", status: "FAILED" },
    ],
    [
      "FAILED that was not there before is the answer",
      watch({}),
      now("FAILED"),
      { is: "failed", status: "FAILED" },
    ],
    [
      "another end is left over for some seconds, too",
      watch({ before: now("TERMINATED"), elapsedMs: 14_000 }),
      now("TERMINATED"),
      waiting(false),
    ],
    [
      "a sandbox that was building and is gone was deleted",
      watch({ before: undefined, started: true, building: true }),
      undefined,
      { is: "failed", status: "that it does not exist" },
    ],
    [
      "a sandbox that is going away will not be deployed",
      watch({}),
      now("DELETING"),
      { is: "failed", status: "DELETING" },
    ],
    ["a status nobody knows is waited on, and has moved", watch({}), now("PENDING"), waiting(true)],
    ["no status is waited on", watch({}), now(""), waiting(false)],
    ["no sandbox is waited on", watch({}), undefined, waiting(false)],
    ["… for the grace", watch({ elapsedMs: 180_000 }), undefined, { is: "stuck" }],
    [
      "UPLOADING for the grace is an upload that never came",
      watch({ started: true, elapsedMs: 180_000 }),
      now("UPLOADING"),
      { is: "stuck" },
    ],
    [
      "BUILDING may take longer than the grace",
      watch({ started: true, building: true, elapsedMs: 900_000 }),
      now("BUILDING"),
      waiting(true),
    ],
  ])("%s", (_what, known, seen, expected) => {
    expect(judge(known, seen)).toEqual(expected);
  });
});
