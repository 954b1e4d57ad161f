import { describe, expect, it } from "vitest";
import { withCleanUp } from "../../../../src/support/processes/clean-up";

describe("cleaning up", () => {
  const fails = (message: string) => (): Promise<never> => Promise.reject(new Error(message));
  const does = (): Promise<void> => Promise.resolve();

  it("comes after the work, whose result it leaves", async () => {
    const done: string[] = [];
    const result = await withCleanUp(
      () => Promise.resolve(done.push("work")),
      () => Promise.resolve(void done.push("cleaned")),
      () => undefined,
    );
    expect([result, done]).toEqual([1, ["work", "cleaned"]]);
  });

  it("is a warning, and does not hide the first failure", async () => {
    const told: unknown[] = [];
    const both = withCleanUp(fails("the cause"), fails("no clean-up"), (error) => told.push(error));
    await expect(both).rejects.toThrow("the cause");
    expect(told).toEqual([new Error("no clean-up")]);
  });

  it("is what went wrong when the work was done", async () => {
    await expect(withCleanUp(does, fails("no clean-up"), () => undefined)).rejects.toThrow("no clean-up");
    await expect(withCleanUp(fails("the cause"), does, () => undefined)).rejects.toThrow("the cause");
  });
});
