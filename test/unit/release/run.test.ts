import { expect, it, vi } from "vitest";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { newRun, once } from "../../../src/release/run";
import { paths } from "../../../src/support/files/paths";
import { testHost } from "../lock/fixture/test-host";

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

it.each([".mesa-template", ".mesa-template/cache", ".mesa-template/cache/sha256"])(
  "no download is kept through a link: %s",
  async (name) => {
    const root = mkdtempSync(join(tmpdir(), "run-"));
    mkdirSync(dirname(join(root, name)), { recursive: true });
    symlinkSync(tmpdir(), join(root, name));
    const { downloads } = newRun(testHost(), () => paths(root));
    await expect(downloads()).rejects.toMatchObject({ code: "LINK_REFUSED" });
    rmSync(root, { recursive: true });
  },
);
