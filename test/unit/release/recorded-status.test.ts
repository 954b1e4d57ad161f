import { afterEach, expect, it } from "vitest";
import { releaseTemplate } from "../../../src/release/apply";
import type { ReleaseEvent } from "../../../src/support/events";
import { GOOD, ModelledWorld, TEMPLATE, VERSION } from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

const world = new ModelledWorld();
afterEach(() => {
  world.end();
});

it("record names the status in the workspace in use, as the result does", async () => {
  const release = async (workspace: string, verify: boolean): Promise<readonly unknown[]> => {
    const behaviour = { ...GOOD, workspace };
    const events: ReleaseEvent[] = [];
    const host = { ...world.host(behaviour), emit: (event: ReleaseEvent) => void events.push(event) };
    const request = requestFor({ templates: [TEMPLATE], version: VERSION, verify });
    const { status } = await releaseTemplate(
      runIn(world.root, host),
      request,
      TEMPLATE,
      world.stages(behaviour),
    );
    const recorded = events.find((event) => event.type === "stage-finished" && event.stage === "record");
    return [status, recorded];
  };
  const id = `${TEMPLATE}@${VERSION}-1`;
  expect(await release("staging", true)).toMatchObject(["verified", { message: `${id} verified` }]);
  expect(await release("prod", false)).toMatchObject(["deployed", { message: `${id} deployed` }]);
});
