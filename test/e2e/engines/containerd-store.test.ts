import { execFileSync, execSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Image } from "../../../src/build/image";
import type { Comparison } from "../../../src/compare/comparison";
import { registryOfWorld, releaseOn, runOn, seenByDoctor } from "./engine-under-test";
import { startNewerEngine, whyNoNewerEngine, type NewerEngine } from "./newer-engine";
import { isRoot } from "./podman-service";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "../program";

const why = whyNoNewerEngine();

/** CI's own job for this engine runs as root, and fails without it: a test that nobody runs proves nothing. */
const mayBeLeftOut = why !== undefined && !(isRoot() && process.env["CI"] !== undefined);

describe.skipIf(mayBeLeftOut)(
  `on Docker 26.1 with the containerd image store${why === undefined ? "" : ` (${why})`}`,
  () => {
    const place = temporaryRoot();
    let engine: NewerEngine;
    let there: RunOptions;

    const build = async (on: RunOptions): Promise<Ran> => {
      const ran = await runOn(place.root, "alpine", on, ["build"]);
      expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
      return ran;
    };
    const imageOn = async (on: RunOptions): Promise<Image> => {
      const { results } = (await build(on)).json<{ results: { image: Image }[] }>();
      const [result] = results;
      if (result === undefined) throw new Error("nothing was built");
      return result.image;
    };
    const lineage = (reference: string): readonly string[] =>
      execFileSync(
        "docker",
        ["-H", engine.address, "history", "--no-trunc", "--format", "{{.ID}}", reference],
        { encoding: "utf8" },
      )
        .trim()
        .split("\n");

    beforeAll(async () => {
      engine = await startNewerEngine(await registryOfWorld());
      there = { env: { DOCKER_HOST: engine.address } };
    });
    afterAll(async () => {
      place.remove();
      await engine.stop();
    });

    it("doctor names the engine", async () => {
      expect((await seenByDoctor(there)).get("engine")).toMatch(/^Docker Engine 26\.\d+\.\S+ at unix:\S+$/u);
    });

    it("the classic builder takes over where BuildKit loses the files, and the next build finds its steps", async () => {
      const built = await build(there);
      expect(built.stderr).toContain("the classic builder is used");
      const { reference } = await imageOn(there);
      const steps = lineage(reference);
      expect(steps.length).toBeGreaterThan(8);
      expect(steps).not.toContain("<missing>");
      execFileSync("docker", ["-H", engine.address, "rmi", "--no-prune", reference], { stdio: "ignore" });
      await build({ env: { ...there.env, MESA_TEMPLATE_BUILDER: "classic" } });
      // All but what carries the run's label comes from the build before.
      expect(lineage(reference).slice(3)).toEqual(steps.slice(3));
    });

    it("a version that was released here is the same image on the machine's engine, and the other way round", async () => {
      await releaseOn(place.root, "alpine", there);
      const here = await imageOn(there);
      // A build of its own gets the base there: which layers are the base's is seen only beside it.
      await build({});
      execFileSync("docker", ["rmi", "--no-prune", here.reference], { stdio: "ignore" });
      execSync(`docker -H ${engine.address} save ${here.reference} | docker load`, { stdio: "ignore" });
      expect(await imageOn({})).toEqual({ ...here, builder: "buildkit" });
      for (const on of [there, {}]) {
        const { findings } = (await runOn(place.root, "alpine", on, ["drift"])).json<{
          findings: { comparison: string; differs: string[]; skipped?: string }[];
        }>();
        expect(findings.filter(({ comparison }) => comparison === "local-images")).toEqual([
          { comparison: "local-images", id: "alpine@0.20.0-1", differs: [] },
        ]);
      }
    });

    it("gc leaves a kept version's image where it is in either store, and does not offer it", async () => {
      const { reference } = await imageOn(there);
      for (const on of [there, {}])
        expect((await mesaTemplate(["gc", "--root", place.root, "--json"], on)).stdout).not.toContain(
          reference,
        );
    });

    it("a version that was measured in the other store differs by what was edited alone", async () => {
      appendFileSync(join(place.root, "templates/alpine/Dockerfile.hbs"), "LABEL edited=yes\n");
      await releaseOn(place.root, "alpine", {});
      const ids = ["alpine@0.20.0-1", "alpine@0.20.0-2"];
      const { comparisons } = (await mesaTemplate(["diff", ...ids, "--root", place.root, "--json"])).json<{
        comparisons: readonly Comparison[];
      }>();
      expect(comparisons).toMatchObject([
        {
          inputs: [],
          rendered: [{ file: "Dockerfile" }],
          built: {
            packages: [],
            files: { added: [], removed: [], changed: [] },
            environment: [],
            config: [],
          },
        },
      ]);
      // What apk writes down of a run (times) has another length each time.
      const [from = [], to = []] = ["from" as const, "to" as const].map((side) =>
        comparisons[0]?.built?.layers[side].map(({ sizeBytes }) => Math.round(sizeBytes / 10_000)),
      );
      expect(from).toHaveLength(4);
      expect(to).toEqual(from);
    });
  },
);
