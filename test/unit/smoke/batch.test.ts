import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchResults, batchScript, newMark, type BatchItem } from "../../../src/smoke/batch";

function run(items: readonly BatchItem[]): ReturnType<typeof batchResults> {
  const mark = newMark();
  return batchResults(
    execFileSync("sh", ["-c", batchScript(items, mark)], { encoding: "utf8" }),
    mark,
    items,
  );
}

const item = (script: string, timeoutMs = 5000): BatchItem => ({ script, timeoutMs });

describe("a batch of scripts", () => {
  it("gives each its own exit code and outputs, to the byte", () => {
    const results = run([
      item("printf 'no newline'; echo err >&2; exit 3"),
      item("true"),
      item("echo \"it's\"; printf '\\n\\n'"),
    ]);
    expect(results).toMatchObject([
      { exitCode: 3, stdout: "no newline", stderr: "err\n", timedOut: false },
      { exitCode: 0, stdout: "", stderr: "" },
      { exitCode: 0, stdout: "it's\n\n\n" },
    ]);
  });

  it("cannot be led astray by what a script prints or does to its shell", () => {
    const results = run([
      item("cat /proc/$PPID/cmdline | tr '\\0' '\\n'"),
      item("exit 9"),
      item("kill -9 $$"),
      item("cd /; set -e; false; echo no"),
      item("echo last"),
    ]);
    expect(results.map((result) => result?.exitCode)).toEqual([0, 9, 137, 1, 0]);
    expect(results[2]?.timedOut).toBe(false);
    expect(results[4]?.stdout).toBe("last\n");
  });

  it("kills what takes too long, even if it ignores SIGTERM, and continues", () => {
    const results = run([
      item("trap '' TERM; echo begun; while :; do sleep 0.1; done", 1000),
      item("echo after"),
    ]);
    expect(results[0]).toMatchObject({ timedOut: true, stdout: "begun\n" });
    expect(results[1]).toMatchObject({ stdout: "after\n", timedOut: false });
  });

  it("gives back any text as it was", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        (texts) => {
          const clean = texts.map((text) => text.replaceAll("\0", ""));
          const results = run(clean.map((text) => item(`printf %s '${text.replaceAll("'", "'\\''")}'`)));
          expect(results.map((result) => result?.stdout)).toEqual(clean);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("has no result for a script whose frame is missing", () => {
    expect(batchResults("nonsense\nmark 0 x\n", "mark", [item("true")])).toEqual([undefined]);
  });
});
