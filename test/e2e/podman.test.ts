import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../src/docker/index";
import { outcomes, registryOfWorld, releaseOn, seenByDoctor, smokeOn } from "./as-on-docker";
import { realHost } from "./fixture-image";
import { buildLayered, holdToExport, LAYERED } from "./image-contents";
import { startPodman, whyNoPodman } from "./podman";
import type { Podman } from "./podman-service";
import { temporaryRoot } from "./program";
import { buildCorpusImages, holdToCorpus, imageOf } from "./structure-corpus";

const why = whyNoPodman();

describe.skipIf(why !== undefined)(`on Podman${why === undefined ? "" : ` (${why})`}`, () => {
  const place = temporaryRoot();
  let podman: Podman;
  let on: { readonly env: Readonly<Record<string, string>> };

  beforeAll(async () => {
    podman = await startPodman(await registryOfWorld());
    on = { env: { DOCKER_HOST: podman.address } };
  });
  afterAll(async () => {
    place.remove();
    await podman.stop();
  });

  it("doctor names the engine, and what it cannot do", async () => {
    const seen = await seenByDoctor(on);
    expect(seen.get("engine")).toMatch(/^Podman Engine \d+\.\d+\.\d+ at unix:\S+$/u);
    expect(seen.get("BuildKit")).toBe("not there: the classic builder is used");
    expect(seen.get("/dev/fuse")).toBe("there");
  });

  it("both templates are released as far as smoke, and the same checks come to the same", async () => {
    const released = await releaseOn(place.root, on);
    expect(released.code, released.stdout).toBe(0);
    const there = await smokeOn(place.root, on);
    expect(there.code, there.stdout).toBe(0);
    expect(outcomes(there)).toEqual(outcomes(await smokeOn(place.root)));
  });

  describe("structure tests", () => {
    const host = realHost("podman-structure-tests");
    let engine: Engine;
    beforeAll(async () => {
      const there = { ...host, env: { ...host.env, ...on.env } };
      engine = await connectEngine(there);
      await buildCorpusImages(host, engine);
    });
    holdToCorpus(host, () => engine);

    it("an image is measured with the owners and the links it has", async () => {
      const { files } = await holdToExport(host, engine, imageOf("Debian-like"));
      const found = (path: string): unknown => files.find((file) => file.path === path);
      expect(found("/d/file")).toMatchObject({ kind: "file", mode: 0o640, uid: 1000, gid: 1001 });
      expect(found("/data.txt")).toMatchObject({ kind: "file", uid: 0, gid: 0 });
      expect(found("/dangling")).toMatchObject({ kind: "symlink", content: "nowhere" });
    });

    it("an image whose layers hide and replace each other's files is measured as a container has it", async () => {
      await buildLayered(host, engine);
      await holdToExport(host, engine, LAYERED);
    });
  });
});
