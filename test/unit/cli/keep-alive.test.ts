import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

it("does not end before a command whose time limit is all that is left to wait for", () => {
  const program = join(import.meta.dirname, "fixture/waits-for-its-limit.ts");
  const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", program], { encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "given up\n" });
});
