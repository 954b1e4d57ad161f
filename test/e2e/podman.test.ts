import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../src/docker/index";
import { outcomes, registryOfWorld, releaseOn, seenByDoctor, smokeOn } from "./as-on-docker";
import { realHost } from "./fixture-image";
import { buildLayered, holdToExport, LAYERED } from "./image-contents";
import { startPodman, whyNoPodman } from "./podman";
import type { Podman } from "./podman-service";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { buildCorpusImages, holdToCorpus, imageOf, UNTOLD_ON_PODMAN } from "./structure-corpus";

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
    expect(seen.get("BuildKit")).toBe("not available: the classic builder is used");
    expect(seen.get("/dev/fuse")).toBe("available");
  });

  it("both templates are released as far as smoke, and the same checks come to the same", async () => {
    const released = await releaseOn(place.root, on);
    expect(released.code, released.stdout).toBe(0);
    const there = await smokeOn(place.root, on);
    expect(there.code, there.stdout).toBe(0);
    expect(outcomes(there)).toEqual(outcomes(await smokeOn(place.root)));
  });

  it("an entrypoint that passes no signal on fails the same check, and no other", async () => {
    const waits = temporaryRoot();
    try {
      const folder = join(waits.root, "templates/alpine");
      rmSync(join(waits.root, "templates/debian"), { recursive: true });
      const script = "#!/bin/sh\nchmod 0666 /dev/fuse\n/usr/local/bin/sandbox-api &\nwait\n";
      writeFileSync(join(folder, "entrypoint.sh.hbs"), script);
      const built = await mesaTemplate(["build", "0.20.0", "--root", waits.root, "--json"]);
      expect(built.code, built.stdout).toBe(0);
      const failed = (ran: Ran): unknown =>
        ran
          .json<{ results: { checks: { name: string; outcome: string }[] }[] }>()
          .results.flatMap(({ checks }) =>
            checks.filter(({ outcome }) => outcome === "failed").map(({ name }) => name),
          );
      const verdicts = [await smokeOn(waits.root), await smokeOn(waits.root, on)].map(failed);
      expect(verdicts).toEqual([["it stops within 2 s on SIGTERM"], ["it stops within 2 s on SIGTERM"]]);
    } finally {
      waits.remove();
    }
  });

  describe("structure tests", () => {
    const host = realHost("podman-structure-tests");
    let engine: Engine;
    beforeAll(async () => {
      const there = { ...host, env: { ...host.env, ...on.env } };
      engine = await connectEngine(there);
      await buildCorpusImages(host, engine);
    });
    holdToCorpus(host, () => engine, UNTOLD_ON_PODMAN);

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
