import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { removeLeftImages } from "../../../src/build/leftovers";
import type { Engine } from "../../../src/docker/index";
import { markText, thisProcess } from "../../../src/support/processes/alive";

it("removes what builds of dead processes replaced, and leaves alone what a living one is replacing", async () => {
  const dead = { ...thisProcess(), pid: spawnSync(process.execPath, ["-e", ""]).pid };
  const second = (mark: typeof dead): string =>
    `mesa-template/debian:0.20.0-522caf729b1f-replaced-${markText(mark)}`;
  const removed: string[] = [];
  const engine: Pick<Engine, "images" | "removeImage"> = {
    images: () =>
      Promise.resolve([
        { id: "a", tags: [second(thisProcess()), "mesa-template/debian:0.20.0-522caf729b1f"] },
        { id: "b", tags: [second(dead)] },
      ] as never),
    removeImage: (name) => Promise.resolve(removed.push(name) > 0),
  };
  await removeLeftImages(engine, { template: "debian", mesaVersion: "0.20.0" });
  expect(removed).toEqual([second(dead)]);
});
