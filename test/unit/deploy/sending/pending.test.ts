import { describe, expect, it } from "vitest";
import type { SandboxState } from "../../../../src/blaxel/platform";
import { isStillShown, type Pending } from "../../../../src/deploy/sending/pending";
import type { RenderedTemplate } from "../../../../src/render/rendered";

const rendered = { template: "alpine", inputsDigest: `sha256:${"a".repeat(64)}` } as RenderedTemplate;
const OURS = `alpine:${"a".repeat(16)}`;
const pending = (more: Partial<Pending> = {}): Pending => ({
  publish: "deploy",
  sandbox: "x",
  workspace: "ws",
  inputsDigest: rendered.inputsDigest,
  startedAt: 0,
  uploaded: true,
  before: { status: "DEPLOYED", image: "sandbox/x:a" },
  tagsBefore: [],
  ...more,
});
const sandbox = (status: string, image = "sandbox/x:a", mark = OURS): SandboxState => ({
  name: "x",
  status,
  image,
  url: undefined,
  createdAt: undefined,
  envs: { MESA_TEMPLATE_INPUTS: mark },
});

describe("whether the platform still shows the upload of an ended run", () => {
  it.each([
    ["there is no sandbox", pending(), undefined, false],
    ["it is building", pending(), sandbox("BUILDING"), true],
    [
      "it is building, though bl was not seen to end",
      pending({ uploaded: false }),
      sandbox("BUILDING"),
      true,
    ],
    [
      "it was building something else before, and bl was not seen to end",
      pending({ uploaded: false, before: { status: "BUILDING", image: "" } }),
      sandbox("BUILDING"),
      false,
    ],
    ["it is uploaded", pending(), sandbox("UPLOADING"), true],
    ["the upload may never come", pending({ uploaded: false }), sandbox("UPLOADING"), false],
    ["it went through", pending(), sandbox("DEPLOYED", "sandbox/x:b"), true],
    ["it went through where nothing was", pending({ before: null }), sandbox("DEPLOYED"), true],
    ["the old image runs", pending(), sandbox("DEPLOYED"), false],
    ["it failed", pending(), sandbox("FAILED"), false],
    [
      "somebody deployed other inputs since",
      pending(),
      sandbox("BUILDING", "", `debian:${"b".repeat(16)}`),
      false,
    ],
    ["the environment is not shown", pending(), sandbox("BUILDING", "", ""), true],
    [
      "another program deployed since",
      pending({ before: null }),
      { ...sandbox("DEPLOYED"), envs: {} },
      false,
    ],
  ])("%s", (_what, was, now, expected) => {
    expect(isStillShown(was, rendered, now)).toBe(expected);
  });
});
