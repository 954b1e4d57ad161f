import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { searcher } from "../../../../src/docker/saved-image/searcher";

describe("looking for a value", () => {
  it("finds it wherever the chunks are cut, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 12 }),
        fc.string({ minLength: 6, maxLength: 12 }),
        fc.string({ maxLength: 60 }),
        fc.string({ maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 30 }),
        (value, other, before, after, present, size) => {
          const text = Buffer.from(present ? before + value + after : before + after);
          const search = searcher([Buffer.from(other), Buffer.from(value)]);
          for (let at = 0; at < text.length; at += size) search.take(text.subarray(at, at + size));
          expect(search.found()).toBe(text.includes(value) || text.includes(other));
        },
      ),
    );
  });
});
