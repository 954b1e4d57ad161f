import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { checksOf, registryOfWorld, releaseOn, runOn, seenByDoctor } from "./engine-under-test";
import { realHost } from "../images/fixture-image";
import { holdToExport } from "../images/image-contents";
import {
  fuseIsThere,
  startRootlessPodman,
  whyNoRootlessPodman,
  type RootlessPodman,
} from "./podman-rootless";
import { temporaryRoot } from "../program";
import { buildCorpusImage, holdToCorpus, imageOf, UNTOLD_ON_PODMAN } from "../images/structure-corpus";

const why = whyNoRootlessPodman();

/** Checks that need a container that mounts. */
const FUSE = /^(?:the kernel allows a FUSE mount|\/dev\/fuse is open|Mesa mounts)/u;

describe.skipIf(why !== undefined)(`on rootless Podman${why === undefined ? "" : ` (${why})`}`, () => {
  const place = temporaryRoot();
  const host = realHost("podman-rootless");
  let podman: RootlessPodman;
  let on: { readonly env: Readonly<Record<string, string>> };

  beforeAll(async () => {
    podman = await startRootlessPodman(await registryOfWorld());
    on = { env: { DOCKER_HOST: podman.address } };
  });
  afterAll(async () => {
    place.remove();
    await podman.stop();
  });

  it("doctor names the engine, and that it is rootless", async () => {
    const seen = await seenByDoctor(on);
    expect(seen.get("engine")).toMatch(/^Podman Engine \d+\.\d+\.\d+ at unix:\S+, rootless$/u);
    expect(seen.get("BuildKit")).toBe("not available: the classic builder is used");
    expect(seen.get("/dev/net/tun")).toBe("present, and accessible to the rootless engine's user (mode 666)");
    if (fuseIsThere())
      expect(seen.get("/dev/fuse")).toBe("present, and accessible to the rootless engine's user (mode 666)");
  });

  it.skipIf(!fuseIsThere())("a template is released as far as smoke, with every check", async () => {
    await releaseOn(place.root, "debian", on);
  });

  it("where its user may not open /dev/fuse, doctor and smoke say so, and only what mounts is skipped", async (test) => {
    const { openFuse } = podman;
    if (openFuse === undefined) {
      test.skip("the machine's own /dev/fuse is used, which is not ours to shut");
      return;
    }
    await openFuse(false);
    try {
      const seen = await seenByDoctor(on);
      expect(seen.get("/dev/fuse")).toBe("rootless: the engine's user may not open it (mode 600)");
      const smoked = checksOf(await runOn(place.root, "debian", on, ["smoke"]));
      const skipped = smoked.filter(({ outcome }) => outcome === "skipped");
      expect(skipped).toEqual(smoked.filter(({ name }) => FUSE.test(name)));
      expect(skipped.length).toBeGreaterThan(2);
      expect(smoked.filter(({ outcome }) => outcome === "failed")).toEqual([]);
      for (const { seen } of skipped)
        expect(seen).toMatch(/^the engine is rootless.*\/dev\/fuse: Permission denied.*chmod 666/su);
    } finally {
      await openFuse(true);
    }
  });

  describe("structure tests", () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await connectEngine({ ...host, env: { ...host.env, ...on.env } });
      await buildCorpusImage(host, engine, "Debian-like");
    });
    const some = /(?:existence|metadata|setup)\.yaml$/u;
    holdToCorpus(host, () => engine, imageOf("Debian-like"), { some, untold: UNTOLD_ON_PODMAN });

    it("an image is measured with the owners it has in a container", async () => {
      const { files } = await holdToExport(host, engine, imageOf("Debian-like"));
      const found = (path: string): unknown => files.find((file) => file.path === path);
      expect(found("/d/file")).toMatchObject({ kind: "file", mode: 0o640, uid: 1000, gid: 1001 });
      expect(found("/data.txt")).toMatchObject({ kind: "file", uid: 0, gid: 0 });
    });
  });
});
