import { describe, expect, it } from "vitest";
import { GENERATIONS, generationOf } from "../../../src/mesa/generation";

describe("the generation of a CLI version", () => {
  it.each([
    ["0.1.0", "config-file"],
    ["0.15.0", "config-file"],
    ["0.15.9", "config-file"],
    ["0.16.0-rc.1", "orgs"],
    ["0.16.0", "orgs"],
    ["0.20.0", "orgs"],
    ["0.25.99", "orgs"],
    ["0.26.0-rc.1", "secret-store"],
    ["0.26.0", "secret-store"],
    ["0.35.0", "secret-store"],
    ["0.36.0-rc.1", "env"],
    ["0.36.0", "env"],
    ["0.42.1", "env"],
    ["0.43.0-rc.1", "access-token"],
    ["0.43.0", "access-token"],
    ["0.44.0-rc.1", "layout"],
    ["0.44.0", "layout"],
    ["0.47.3", "layout"],
    ["0.48.0-rc.1", "private-key"],
    ["0.48.3", "private-key"],
    ["0.49.1", "private-key"],
    ["1.0.0", "private-key"],
  ])("%s is %s", (version, name) => {
    expect(generationOf(version).name).toBe(name);
  });

  it("is exactly one for every version there can be", () => {
    for (let minor = 0; minor < 60; minor += 1)
      for (const version of [`0.${String(minor)}.0-rc.1`, `0.${String(minor)}.0`, `0.${String(minor)}.7`]) {
        const { name } = generationOf(version);
        expect(GENERATIONS.filter((one) => one.name === name)).toHaveLength(1);
      }
  });

  it("has no range that another one reaches into", () => {
    const order = Array.from({ length: 60 }, (_, minor) => generationOf(`0.${String(minor)}.0`).name);
    const changes = order.filter((name, at) => name !== order[at - 1]);
    expect(changes).toEqual(GENERATIONS.map((generation) => generation.name));
  });
});
