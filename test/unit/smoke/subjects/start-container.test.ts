import { describe, expect, it } from "vitest";
import type { Engine, ExecResult } from "../../../../src/docker/index";
import { whyFuseIsRefused } from "../../../../src/smoke/subjects/start-container";
import { testHost } from "../../lock/fixture/test-host";

/** An engine in whose containers every command comes to this; `asked` says whether one was run. */
function engineWhere(
  rootless: boolean,
  outcome: Partial<ExecResult> | Error,
): { readonly engine: Engine; readonly asked: () => number } {
  let asked = 0;
  const engine = {
    facts: { rootless },
    exec: () => {
      asked += 1;
      return outcome instanceof Error
        ? Promise.reject(outcome)
        : Promise.resolve({ exitCode: 0, stdout: "", stderr: "", timedOut: false, ...outcome });
    },
  } as unknown as Engine;
  return { engine, asked: () => asked };
}

const refusal = { exitCode: 2, stderr: "sh: 1: cannot create /dev/fuse: Permission denied" };

describe("whether a container may mount with the /dev/fuse it was given", () => {
  it("a rootless engine's user may not: the reason has the kernel's words and what to do", async () => {
    const { engine } = engineWhere(true, refusal);
    expect(await whyFuseIsRefused(testHost(), { engine, id: "c" })).toMatch(
      /^the engine is rootless, .*cannot create \/dev\/fuse: Permission denied.*chmod 666 \/dev\/fuse/u,
    );
  });

  it.each([
    ["it may", {}],
    ["the image has no mount command", { exitCode: 127, stderr: "sh: mount: not found" }],
    ["there is no shell", new Error("exec failed: no such file")],
  ])("nothing is said where %s: checks find what is the image's", async (_where, outcome) => {
    const { engine } = engineWhere(true, outcome);
    expect(await whyFuseIsRefused(testHost(), { engine, id: "c" })).toBeUndefined();
  });

  it("an engine that runs as root is not asked: there a refusal is a failure", async () => {
    const { engine, asked } = engineWhere(false, refusal);
    expect(await whyFuseIsRefused(testHost(), { engine, id: "c" })).toBeUndefined();
    expect(asked()).toBe(0);
  });
});
