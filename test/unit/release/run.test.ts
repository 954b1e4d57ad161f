import { expect, it, vi } from "vitest";
import { once } from "../../../src/release/run";

it("what a run shares is made once, also for two who ask at the same time, and again after a failure", async () => {
  const make = vi.fn(() => Promise.resolve("made"));
  make.mockRejectedValueOnce(new Error("not yet"));
  const shared = once(make);
  expect(make).not.toHaveBeenCalled();
  await expect(shared()).rejects.toThrow("not yet");
  expect(await Promise.all([shared(), shared()])).toEqual(["made", "made"]);
  expect(await shared()).toBe("made");
  expect(make).toHaveBeenCalledTimes(2);
});
