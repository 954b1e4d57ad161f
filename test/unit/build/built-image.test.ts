import { expect, it } from "vitest";
import { builtImage, INPUTS_LABEL } from "../../../src/build/built-image";
import type { Image } from "../../../src/build/image";
import type { Engine } from "../../../src/docker/index";
import type { RenderedTemplate } from "../../../src/render/rendered";

const inputsDigest = `sha256:${"a".repeat(64)}`;
const rendered = { template: "debian", mesaVersion: "0.20.0", inputsDigest } as RenderedTemplate;
const known = { id: "sha256:proven", sizeBytes: 7 } as Image;

it.each([
  ["that is known is not read again", "sha256:proven", true, "sha256:proven"],
  ["that took the place of a known one is read", "sha256:other", true, "sha256:read"],
  ["is read where its id says nothing of its configuration", "sha256:proven", false, "sha256:read"],
])("a built image %s", async (_, id, idsAreConfigDigests, found) => {
  const engine = {
    facts: { idsAreConfigDigests },
    image: () => Promise.resolve({ id, labels: { [INPUTS_LABEL]: inputsDigest }, layers: [] }),
    readImage: () => Promise.resolve({ configDigest: "sha256:read", sizeBytes: 1, history: [] }),
  } as unknown as Engine;
  expect((await builtImage(engine, rendered, "base", "buildkit", known))?.id).toBe(found);
});
