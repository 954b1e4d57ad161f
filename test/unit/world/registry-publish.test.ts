import { expect, it } from "vitest";
import { isConfigOf } from "../../world/registry/publish";

const here = {
  Created: "2026-01-01T00:00:00.5Z",
  RootFS: { Type: "layers", Layers: ["sha256:aa", "sha256:bb"] },
  Config: { Labels: { a: "b" } },
} as unknown as Parameters<typeof isConfigOf>[0];
const config = {
  created: "2026-01-01T00:00:00.500000000Z",
  config: { Labels: { a: "b" } },
  rootfs: { diff_ids: ["sha256:aa", "sha256:bb"] },
};

it.each([
  ["the same", {}, true],
  ["made at another time", { created: "2026-01-01T00:00:01Z" }, false],
  ["with another layer", { rootfs: { diff_ids: ["sha256:aa", "sha256:cc"] } }, false],
  ["with another label", { config: { Labels: { a: "c" } } }, false],
  ["with nothing in it", { created: undefined, config: undefined, rootfs: undefined }, false],
])("an image is compared with the published one by content, not by id: %s", (_what, change, same) => {
  expect(isConfigOf(here, { ...config, ...change } as typeof config)).toBe(same);
});
