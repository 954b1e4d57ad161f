import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { removeLeft } from "../../../src/docker/leftovers";
import { markText, thisProcess } from "../../../src/support/processes/alive";
import { testHost, type TestHost } from "../lock/fixture/test-host";

const own = thisProcess();
const dead = { ...own, pid: spawnSync("true").pid };
const marks = {
  live: markText(own),
  left: markText(dead),
  "given-again": markText({ ...own, started: "1" }),
  "another-machine's": markText({ ...dead, space: "0123456789ab" }),
  "somebody's": "anything",
};

async function removedBy(host: TestHost, remove: (id: string) => Promise<void>): Promise<void> {
  const found = Object.entries(marks).map(([id, mark]) => ({
    id,
    labels: { "mesa-template.process": mark },
  }));
  const asked: string[] = [];
  const list = (labels: readonly string[]): Promise<typeof found> => {
    asked.push(...labels);
    return Promise.resolve(found);
  };
  await removeLeft(host, list, remove);
  expect(new Set(asked)).toEqual(new Set(["mesa-template.process"]));
}

describe("what runs left on an engine", () => {
  it("goes when its process is dead for certain; all else stays", async () => {
    const gone: string[] = [];
    await removedBy(testHost(), (id) => {
      gone.push(id);
      return Promise.resolve();
    });
    expect(gone).toEqual(["left", "given-again"]);
  });

  it("is a warning when it cannot be removed, and stops nothing", async () => {
    const host = testHost();
    await removedBy(host, () => Promise.reject(new Error("device or resource busy")));
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringContaining("busy") as string },
    ]);
  });
});
