import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadUpstream } from "../../src/lock/upstream";
import type { CheckResult } from "../../src/smoke/report";
import { connectEngine, type Engine } from "../../src/docker/index";
import { realHost } from "./fixture-image";
import { buildLayered, holdToExport, LAYERED } from "./image-contents";
import { startPodman, whyNoPodman, type Podman } from "./podman";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { buildCorpusImages, holdToCorpus, imageOf } from "./structure-corpus";

const why = whyNoPodman();

interface Smoked {
  readonly results: readonly { readonly template: string; readonly checks: readonly CheckResult[] }[];
}

/** Names and outcomes of all checks, by template. */
function outcomes(ran: Ran): unknown {
  return ran
    .json<Smoked>()
    .results.map(({ template, checks }) => [
      template,
      checks.map(
        ({ name, outcome, seen }) => `${outcome} ${name}${outcome === "failed" ? `: ${seen ?? ""}` : ""}`,
      ),
    ]);
}

describe.skipIf(why !== undefined)(`on Podman${why === undefined ? "" : ` (${why})`}`, () => {
  const place = temporaryRoot();
  let podman: Podman;
  let on: { readonly env: Readonly<Record<string, string>> };

  beforeAll(async () => {
    const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
    podman = await startPodman((mirrors.images ?? "").replace(/\/$/u, ""));
    on = { env: { DOCKER_HOST: podman.address } };
  });
  afterAll(async () => {
    place.remove();
    await podman.stop();
  });

  it("doctor names the engine, and what it cannot do", async () => {
    const { findings } = (await mesaTemplate(["doctor", "--json"], on)).json<{
      findings: readonly { readonly name: string; readonly seen: string }[];
    }>();
    const seen = (name: string): string | undefined => findings.find((one) => one.name === name)?.seen;
    expect(seen("engine")).toMatch(/^Podman Engine \d+\.\d+\.\d+ at unix:/u);
    expect(seen("BuildKit")).toBe("not there: the classic builder is used");
  });

  it("both templates are released as far as smoke, and the same checks come to the same", async () => {
    const released = await mesaTemplate(
      ["release", "0.20.0", "--no-deploy", "--root", place.root, "--json"],
      on,
    );
    expect(released.code, released.stdout).toBe(0);
    const smoke = ["smoke", "0.20.0", "--root", place.root, "--json"];
    const there = await mesaTemplate(smoke, on);
    expect(there.code, there.stdout).toBe(0);
    const onDocker = await mesaTemplate(smoke);
    expect(outcomes(there)).toEqual(outcomes(onDocker));
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
