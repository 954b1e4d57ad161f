import { describe, expect, it } from "vitest";
import type { SandboxState } from "../../../../src/blaxel/platform";
import { refuseForeignSandbox } from "../../../../src/deploy/sending/ownership";
import { isMarkedByAnother, markOf } from "../../../../src/deploy/sending/ownership";

const sandbox = (envs: Readonly<Record<string, string>>, createdAt?: string): SandboxState => ({
  name: "mesa-x",
  status: "DEPLOYED",
  image: "sandbox/mesa-x:a",
  url: undefined,
  createdAt,
  envs,
});
const known = [{ sandbox: "mesa-x", deployedAt: "2026-02-01T00:00:00.000Z" }];

describe("whose sandbox it is", () => {
  it.each([
    ["there is none", undefined, [], false, false],
    ["it carries the mark", sandbox({ MESA_TEMPLATE_INPUTS: "x" }), [], false, false],
    ["a run of these inputs had sent to it", sandbox({}), [], true, false],
    ["it may be adopted", sandbox({}), [], false, true],
    ["it is older than a deploy of ours", sandbox({}, "2026-01-01T00:00:00Z"), known, false, false],
    ["its age is not shown, and we deployed to it", sandbox({}), known, false, false],
  ])("ours: %s", (_what, now, before, sent, adopt) => {
    expect(() => {
      refuseForeignSandbox(now, before, sent, adopt);
    }).not.toThrow();
  });

  it.each([
    ["nothing speaks for us", sandbox({}), []],
    ["it was made after our last deploy", sandbox({}, "2026-03-01T00:00:00Z"), known],
    ["we deployed to another name", sandbox({}), [{ sandbox: "mesa-y", deployedAt: "2026-02-01T00:00:00Z" }]],
  ])("not ours: %s", (_what, now, before) => {
    expect(() => {
      refuseForeignSandbox(now, before, false, false);
    }).toThrow("this program did not make it");
  });
});

describe("the mark", () => {
  const rendered = { template: "alpine", inputsDigest: `sha256:${"ab".repeat(32)}` };

  it("tells a deploy of other inputs apart, and nothing where it is not shown", () => {
    expect(markOf(rendered)).toBe("alpine:abababababababab");
    expect(isMarkedByAnother({ MESA_TEMPLATE_INPUTS: markOf(rendered) }, rendered)).toBe(false);
    expect(isMarkedByAnother({ MESA_TEMPLATE_INPUTS: `alpine:${"c".repeat(16)}` }, rendered)).toBe(true);
    expect(isMarkedByAnother({ MESA_TEMPLATE_INPUTS: "***" }, rendered)).toBe(false);
    expect(isMarkedByAnother({}, rendered)).toBe(false);
    expect(isMarkedByAnother({}, rendered, true)).toBe(true);
  });
});
