import { describe, expect, it } from "vitest";
import { stepLog } from "../../../../src/docker/builds/step-log";
import { lineCutter } from "../../../../src/support/text/line-cutter";

describe("text that comes in pieces", () => {
  it("is cut at its line breaks, wherever the pieces end", () => {
    const cutter = lineCutter(100);
    expect(["a\nb", "c", "\n\nd"].map((piece) => cutter.take(piece))).toEqual([["a"], [], ["bc", ""]]);
    expect(cutter.rest()).toBe("d");
  });

  it("is cut when it continues without a line break", () => {
    const cutter = lineCutter(4);
    expect(cutter.take("abcdefghij")).toEqual(["abcd", "efgh"]);
    expect(cutter.take("k\nl")).toEqual(["ijk"]);
    expect(cutter.rest()).toBe("l");
  });

  it("takes no more memory than a build step's last lines, however much it prints", () => {
    const log = stepLog(3);
    for (let piece = 0; piece < 2000; piece += 1) log.take("step", "#".repeat(1000));
    expect(log.last("step").join("").length).toBeLessThanOrEqual(3 * 64 * 1024);
  });
});
