import { describe, expect, it } from "vitest";
import type { SandboxState } from "../../../../src/blaxel/platform";
import type { DeployContext } from "../../../../src/deploy/deploy-context";
import type { Pending } from "../../../../src/deploy/sending/pending";
import { runningImage } from "../../../../src/deploy/watching/running-image";

const A = "sandbox/x:aaaaaaaaaaaa";
const B = "sandbox/x:bbbbbbbbbbbb";
const OURS = `alpine:${"a".repeat(16)}`;
const OTHERS = `alpine:${"b".repeat(16)}`;

interface Story {
  /** The mark before it was sent, and now. */
  readonly marks: readonly [before: string | undefined, now: string | undefined];
  readonly image: string;
  readonly building?: boolean;
  /** Whether the mark was seen while it was waited for. */
  readonly marked?: boolean;
}

function found({
  marks: [before, now],
  image,
  building = true,
  marked = true,
}: Story): ReturnType<typeof runningImage> {
  const tags = (one: string): { name: string; createdAt: string } => ({
    name: one.slice(-12),
    createdAt: "",
  });
  const sandbox: SandboxState = {
    name: "x",
    status: "DEPLOYED",
    image,
    url: undefined,
    createdAt: undefined,
    envs: now === undefined ? {} : { MESA_TEMPLATE_INPUTS: now },
  };
  const work = {
    host: { clock: { now: () => 0 } },
    platform: {
      getImage: () => Promise.resolve({ tags: [A, image].map(tags) }),
      logLines: () => Promise.resolve([]),
    },
    name: "x",
    rendered: { template: "alpine", inputsDigest: `sha256:${"a".repeat(64)}` },
    deadline: 60_000,
    knownImage: undefined,
    source: undefined,
    onProgress: () => undefined,
  } as unknown as DeployContext;
  const pending = {
    before: { status: "DEPLOYED", image: A, ...(before === undefined ? {} : { mark: before }) },
    tagsBefore: [tags(A)],
    startedAt: 0,
  } as unknown as Pending;
  return runningImage(work, pending, { is: "deployed", sandbox, building, marked });
}

describe("the image that runs after an upload", () => {
  it.each<[string, Story, string]>([
    ["is the new one", { marks: [OTHERS, OURS], image: B }, B],
    [
      "is the new one where Blaxel never shows the mark",
      { marks: [undefined, undefined], image: B, marked: false },
      B,
    ],
    [
      "is the old one where the same inputs were sent for it, and built again",
      { marks: [OURS, OURS], image: A },
      A,
    ],
  ])("%s", async (_what, story, image) => {
    await expect(found(story)).resolves.toMatchObject({ image });
  });

  it.each<[string, Story, string]>([
    ["of other inputs", { marks: [OURS, OTHERS], image: B }, "DEPLOYED_OVER"],
    ["of another program, which sets no mark", { marks: [undefined, undefined], image: B }, "DEPLOYED_OVER"],
    [
      "… which replaced a marked one",
      { marks: [OTHERS, undefined], image: B, marked: false },
      "DEPLOYED_OVER",
    ],
    ["of before, made of other inputs", { marks: [OTHERS, OURS], image: A }, "NOTHING_NEW"],
    ["of before, and no build was seen", { marks: [OURS, OURS], image: A, building: false }, "NOTHING_NEW"],
  ])("is not one %s", async (_what, story, code) => {
    await expect(found(story)).rejects.toMatchObject({ code });
  });
});
