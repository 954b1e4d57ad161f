import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, expect, it } from "vitest";
import { releaseTemplate } from "../../../src/release/apply";
import { nothingToDo } from "../../../src/release/release";
import { thisProcess } from "../../../src/support/processes/alive";
import { paths } from "../../../src/support/files/paths";
import { GOOD, ModelledWorld, TEMPLATE, VERSION } from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

const world = new ModelledWorld();
afterEach(() => {
  world.end();
});

it("what a killed release left goes with the next one, though that has nothing to do, while its lock is on record", async () => {
  const request = requestFor({ templates: [TEMPLATE], version: VERSION });
  const folders = paths(world.root);
  const locks = [
    ...[`${TEMPLATE}@${VERSION}`, `${TEMPLATE}-deploy`, `${TEMPLATE}-push`].map((name) => folders.lock(name)),
    `${folders.manifest}.lock`,
  ];
  const [lock = ""] = locks;
  const takenAway: boolean[] = [];
  const stages = {
    ...world.stages(GOOD),
    removeLeftovers: () => {
      takenAway.push(existsSync(lock));
      return Promise.resolve();
    },
  };
  const done = await releaseTemplate(runIn(world.root, world.host(GOOD)), request, TEMPLATE, stages);
  expect([done.status, takenAway]).toEqual(["verified", []]);

  const holder = { ...thisProcess(), pid: spawnSync("true").pid, host: "here", since: "then" };
  for (const path of locks) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...holder, token: "killed", run: "killed" }));
  }
  const again = await nothingToDo(runIn(world.root, world.host(GOOD)), request, () =>
    Promise.resolve(stages),
  );
  expect(again).toMatchObject([{ upToDate: true }]);
  expect(takenAway).toEqual([true]);
  expect(locks.filter((path) => existsSync(path))).toEqual([]);
});
