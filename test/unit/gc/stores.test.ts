import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { INPUTS_LABEL } from "../../../src/build/index";
import type { Engine } from "../../../src/docker/index";
import { localRemovals } from "../../../src/gc/local";
import { findDrift } from "../../../src/release/drift";
import { newRun, type Run } from "../../../src/release/run";
import { RUN_LABEL, runLabels } from "../../../src/support/host";
import { digestOf } from "../../../src/support/text/digest";
import { withTemporaryFolder } from "../../../src/support/files/files";
import { paths } from "../../../src/support/files/paths";
import { idOn, imageStore, type Store, type StoredImage } from "../docker/fixture/image-store";
import { serverUntilEnd } from "../local-server";
import { testHost } from "../lock/fixture/test-host";
import { entryOf, manifestOf } from "../manifest/fixture";

/** Recorded on an engine with a graph driver, as its id there: the digest of its configuration. */
const config = '{"architecture":"amd64","os":"linux","history":[]}';
const entry = { ...entryOf("debian", "0.20.0"), image: { id: digestOf(config), sizeBytes: 0, layers: 0 } };
const manifest = manifestOf(entry);
const labels = { [INPUTS_LABEL]: entry.inputsDigest };
const reference = `mesa-template/debian:0.20.0-${"a".repeat(12)}`;

async function onEngine<T>(
  store: Store,
  images: readonly StoredImage[],
  use: (run: Run) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder("store", async (folder) => {
    const socket = join(folder, "engine.sock");
    await serverUntilEnd(imageStore(store, images), socket);
    const host = testHost({ env: { DOCKER_HOST: `unix://${socket}`, PATH: "/nowhere" } });
    return use({ ...newRun(host, () => paths(folder)), root: folder });
  });
}

describe.each(["graph driver", "containerd"] as const)("on an engine with the store %s", (store) => {
  const named: StoredImage = { config, labels };
  const leftover: StoredImage = { config: '{"history":[],"os":"linux"}', labels };

  it("gc keeps an untagged image that a kept version still names", async () => {
    const names = (kept: readonly (typeof entry)[]): Promise<readonly string[]> =>
      onEngine(store, [named, leftover], async (run) =>
        (await localRemovals(run.host, await run.engine(), manifest, kept)).map(({ name }) => name),
      );
    expect(await names([entry])).toEqual([idOn(store, leftover)]);
    expect(await names([])).toEqual([idOn(store, named), idOn(store, leftover)]);
  });

  it("drift takes the image that was recorded for the same, and another for another", async () => {
    const differs = (image: StoredImage): Promise<readonly string[]> =>
      onEngine(store, [{ ...image, tags: [reference] }], async (run) => {
        const findings = await findDrift(run, manifest, [entry]);
        return findings
          .filter(({ comparison }) => comparison === "local-images")
          .flatMap(({ differs: found, skipped = [] }) => [...found, ...[skipped].flat()]);
      });
    expect(await differs(named)).toEqual([]);
    const [found = ""] = await differs(leftover);
    for (const { config: held } of [leftover, named]) expect(found).toContain(digestOf(held).slice(0, 19));
  });
});

it("gc takes what a dead run left, and no container that somebody started from an image of ours", async () => {
  const ofImage = { ...labels, [RUN_LABEL]: "the build" };
  const all = [
    { id: "somebody's", labels: ofImage, createdAtMs: 0 },
    { id: "left", labels: { ...ofImage, ...runLabels(testHost()) }, createdAtMs: 0 },
  ];
  const engine = {
    images: () => Promise.resolve([]),
    containers: (wanted: readonly string[]) =>
      Promise.resolve(all.filter((one) => wanted.every((label) => label in one.labels))),
  } as unknown as Engine;
  const found = await localRemovals(testHost(), engine, manifest, []);
  expect(found.map(({ name }) => name)).toEqual(["left"]);
});
