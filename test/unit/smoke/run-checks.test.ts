import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import type { ImageContext, Subject } from "../../../src/smoke/check";
import { fileChecks } from "../../../src/smoke/checks-file/file-checks";
import { parseChecksFile } from "../../../src/smoke/checks-file/parse";
import { runChecks } from "../../../src/smoke/run-checks";
import { Failure } from "../../../src/support/errors";
import { testHost } from "../lock/fixture/test-host";

const context: ImageContext = { secrets: [], missingDevices: {} };

/** A sandbox whose shell is the one of this machine. */
const sandbox: Subject = {
  kind: "sandbox",
  run: ({ script = "" }) => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    return Promise.resolve({ exitCode: status ?? 1, stdout, stderr, timedOut: false, durationMs: 1 });
  },
  request: () => Promise.reject(new Error("not asked")),
  api: { url: "", headers: {} },
};

const file = parseChecksFile(
  "schemaVersion: 1\nchecks:\n  - {name: a, file: {path: /proc/self/mem, contents: x}}\n  - {name: b, file: {path: /etc/passwd}}\n",
  "c.yaml",
);

const reportOf = (subject: Subject) => {
  const host = testHost();
  return runChecks(host, "debian", fileChecks(host, file), { subject }, context);
};

it("a file that exists but cannot be read in a sandbox fails its own check, not the run", async () => {
  const report = await reportOf(sandbox);
  expect(report.checks).toMatchObject([
    { name: "a", outcome: "failed", seen: expect.stringMatching(/mem/u) as unknown },
    { name: "b", outcome: "passed" },
  ]);
});

it("a sandbox that cannot be reached ends the run", async () => {
  const gone = new Failure({ code: "BLAXEL_UNREACHABLE", kind: "environment", message: "The edge is gone." });
  await expect(reportOf({ ...sandbox, run: () => Promise.reject(gone) })).rejects.toBe(gone);
});
