import { afterAll, expect, it, vi } from "vitest";
import { releaseAll } from "../../../src/release/release";
import type { Stages } from "../../../src/release/stages/stages";
import { upgrade } from "../../../src/release/upgrade/upgrade";
import { GOOD, ModelledWorld, TEMPLATE, VERSION } from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

const stages = vi.hoisted(() => ({ of: (): unknown => undefined }));
vi.mock("../../../src/release/stages/stages", async (original) => ({
  ...(await original<Record<string, unknown>>()),
  realStages: () => stages.of(),
}));

const world = new ModelledWorld();
afterAll(() => {
  world.end();
});

it("an upgrade that deploys signs what it publishes, and nothing before", async () => {
  const run = runIn(world.root, world.host(GOOD));
  const release = requestFor({ templates: [TEMPLATE] });
  await releaseAll(run, release, world.stages(GOOD));
  world.moveUpstream();
  const done: string[] = [];
  const sign: Stages["sign"] = (_rendered, _revision, { reference }, { id }) => {
    done.push(`${reference} signed by ${id}`);
    return Promise.resolve();
  };
  stages.of = (): Stages => ({ ...world.stages(GOOD), sign });
  const signed = {
    ...release,
    registry: "registry.test/team",
    signer: { kind: "cosign", id: "cosign" } as const,
  };
  const { results } = await upgrade(
    run,
    { release: signed, version: VERSION, prerelease: false, dryRun: false, branch: undefined },
    () => {
      done.push("compared");
    },
  );
  expect(results).toMatchObject([{ id: `${TEMPLATE}@${VERSION}-2`, status: "verified" }]);
  expect(done).toEqual(["compared", expect.stringMatching(/^registry\.test\/team.* signed by cosign$/u)]);
});
