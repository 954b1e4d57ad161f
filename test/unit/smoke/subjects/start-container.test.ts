import { describe, expect, it } from "vitest";
import type { Engine, ExecResult } from "../../../../src/docker/index";
import type { SmokeContainer } from "../../../../src/smoke/subjects/container";
import { startContainer, whyFuseIsRefused } from "../../../../src/smoke/subjects/start-container";
import { Failure } from "../../../../src/support/errors";
import { testHost } from "../../lock/fixture/test-host";

/** A container on which every command comes to this; `asked` says whether one was run. */
function containerWhere(rootless: boolean, outcome: Partial<ExecResult> | Error) {
  let asked = 0;
  const run = (): Promise<unknown> => {
    asked += 1;
    return outcome instanceof Error
      ? Promise.reject(outcome)
      : Promise.resolve({ exitCode: 0, stdout: "", stderr: "", timedOut: false, ...outcome });
  };
  const container = { engine: { facts: { rootless } }, run } as unknown as SmokeContainer;
  return { container, asked: () => asked };
}

const refusal = { exitCode: 2, stderr: "sh: 1: cannot create /dev/fuse: Permission denied" };

describe("whether a container may mount with the /dev/fuse it was given", () => {
  it("a rootless engine's user may not: the reason has the kernel's words and what to do", async () => {
    const { container } = containerWhere(true, refusal);
    expect(await whyFuseIsRefused(container)).toMatch(
      /^the engine is rootless, .*cannot create \/dev\/fuse: Permission denied.*chmod 666 \/dev\/fuse/u,
    );
  });

  it.each([
    ["it may", {}],
    ["the image has no mount command", { exitCode: 127, stderr: "sh: mount: not found" }],
    ["there is no shell", new Error("exec failed: no such file")],
  ])("nothing is said where %s: checks find what is the image's", async (_where, outcome) => {
    const { container } = containerWhere(true, outcome);
    expect(await whyFuseIsRefused(container)).toBeUndefined();
  });

  it("an engine that runs as root is not asked: there a refusal is a failure", async () => {
    const { container, asked } = containerWhere(false, refusal);
    expect(await whyFuseIsRefused(container)).toBeUndefined();
    expect(asked()).toBe(0);
  });
});

it("an engine that is lost while a container starts says nothing about the image", async () => {
  const gone = new Failure({ code: "ENGINE_GONE", kind: "environment", message: "socket hang up" });
  const engine: Partial<Engine> = {
    facts: { rootless: false } as Engine["facts"],
    createContainer: () => Promise.reject(gone),
  };
  const needs = { ports: [], devices: [] };
  await expect(startContainer(testHost(), engine as Engine, "x:1", needs)).rejects.toBe(gone);
});
