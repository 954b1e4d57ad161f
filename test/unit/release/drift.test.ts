import { rmSync } from "node:fs";
import { afterAll, expect, it, vi } from "vitest";
import { readManifest } from "../../../src/manifest/index";
import { releaseTemplate } from "../../../src/release/apply";
import { findDrift } from "../../../src/release/drift";
import type { Run } from "../../../src/release/run";
import { Failure } from "../../../src/support/errors";
import { paths } from "../../../src/support/files/paths";
import { GOOD, ModelledWorld, TEMPLATE } from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

vi.mock("../../../src/lock/index", async (original) => ({
  ...(await original<Record<string, unknown>>()),
  movedTags: () => Promise.resolve([]),
  changedDownloads: () => Promise.resolve([]),
  changedDeb: () => Promise.resolve([]),
}));
vi.mock("../../../src/release/run", async (original) => ({
  ...(await original<Record<string, unknown>>()),
  sourcesOf: () => Promise.resolve({}),
}));

const world = new ModelledWorld();
afterAll(() => {
  world.end();
});

it("drift still makes the other comparisons of a version whose template's folder was removed", async () => {
  const noEngine = new Failure({ code: "NO_ENGINE", kind: "environment", message: "no engine" });
  const run: Run = { ...runIn(world.root, world.host(GOOD)), engine: () => Promise.reject(noEngine) };
  await releaseTemplate(
    run,
    requestFor({ templates: [TEMPLATE], deploy: false }),
    TEMPLATE,
    world.stages(GOOD),
  );
  const manifest = await readManifest(paths(world.root).manifest);
  rmSync(paths(world.root).template(TEMPLATE), { recursive: true });
  const findings = await findDrift(run, manifest, Object.values(manifest.versions));
  expect(findings.map(({ comparison, skipped }) => [comparison, skipped])).toEqual([
    ["rendered-files", "its template's folder was removed"],
    ["upstream-tags", undefined],
    ["mesa-package", undefined],
    ["local-images", "no engine"],
  ]);
});
