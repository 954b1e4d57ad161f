import { describe, expect, it } from "vitest";
import { freshTags, immutableTag, madeImage } from "../../../../src/deploy/watching/image-tag";

const tag = (name: string, createdAt = "2026-01-01T00:00:00Z"): { name: string; createdAt: string } => ({
  name,
  createdAt,
});

describe("an immutable tag", () => {
  it.each([
    ["sandbox/x:abc", "abc"],
    ["sandbox/x:latest", undefined],
    ["sandbox/x", undefined],
    ["", undefined],
    ["sandbox/other:abc", undefined],
    ["blaxel/x:abc", undefined],
  ])("of %s is %s", (image, expected) => {
    expect(immutableTag(image, "x")).toBe(expected);
  });
});

describe("tags that were not there before", () => {
  it("come newest first, whatever order they were listed in, and without latest", () => {
    const after = [tag("latest", "2027"), tag("b", "2026-02"), tag("old", "2025"), tag("c", "2026-03")];
    expect(freshTags([tag("old", "2025")], after)).toEqual(["c", "b"]);
  });

  it("come in the order of their names where their times are the same", () => {
    expect(freshTags([], [tag("b"), tag("a")])).toEqual(["a", "b"]);
  });
});

describe("the image that a deploy runs", () => {
  const made = (imageBefore: string | undefined, imageNow: string, fresh: readonly string[]): unknown =>
    madeImage({ name: "x", imageBefore, imageNow, fresh });

  it.each([
    ["the sandbox's own word decides", "sandbox/x:a", "sandbox/x:b", ["b", "c"], { is: "made", tag: "b" }],
    ["… also for a tag of long ago", "sandbox/x:b", "sandbox/x:a", [], { is: "made", tag: "a" }],
    ["… also for an image that outlived its sandbox", undefined, "sandbox/x:a", [], { is: "made", tag: "a" }],
    ["without a tag, the one that is new", undefined, "sandbox/x", ["b"], { is: "made", tag: "b" }],
    [
      "with latest, the one that is new",
      "sandbox/x:latest",
      "sandbox/x:latest",
      ["b"],
      { is: "made", tag: "b" },
    ],
    ["without a tag, several new ones are not clear", undefined, "", ["b", "c"], { is: "unclear" }],
    ["without a tag and a new one, nothing is clear yet", undefined, "sandbox/x", [], { is: "unclear" }],
    [
      "the old name beside a new tag is not clear yet",
      "sandbox/x:a",
      "sandbox/x:a",
      ["b"],
      { is: "unclear" },
    ],
    ["the old name and nothing new is unchanged", "sandbox/x:a", "sandbox/x:a", [], { is: "unchanged" }],
  ])("%s", (_what, before, now, fresh, expected) => {
    expect(made(before, now, fresh)).toEqual(expected);
  });
});
