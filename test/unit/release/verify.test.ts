import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLock } from "../../../src/lock/lock-file";
import { promote } from "../../../src/manifest/channels/promote";
import type { ManifestEntry } from "../../../src/manifest/entry";
import { readManifest, recordEntry, updateManifest } from "../../../src/manifest/index";
import { inWorkspace } from "../../../src/manifest/versions/in-workspace";
import { usableImage } from "../../../src/manifest/versions/usable-image";
import { provenanceOf } from "../../../src/record/provenance";
import { readRecord } from "../../../src/record/store";
import { releaseTemplate } from "../../../src/release/apply";
import { keepDeployment } from "../../../src/release/proof/evidence";
import type { ReleaseRequest, TemplateResult } from "../../../src/release/request";
import { smokeVersion } from "../../../src/release/smoke";
import { verifyVersion, type VerifyResult } from "../../../src/release/verify";
import type { ProvenTemplate } from "../../../src/render/rendered";
import type { SmokeReport } from "../../../src/smoke/report";
import { paths } from "../../../src/support/files/paths";
import { GOOD, ModelledWorld, TEMPLATE, VERSION, type Behaviour } from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

const [FIRST, SECOND] = [`${TEMPLATE}@${VERSION}-1`, `${TEMPLATE}@${VERSION}-2`];

describe("verify", () => {
  let world: ModelledWorld;
  /** What the stage was given to verify. */
  let asked: ProvenTemplate[] = [];

  const entry = async (id: string): Promise<ManifestEntry> => {
    const found = (await readManifest(paths(world.root).manifest)).versions[id];
    if (found === undefined) throw new Error(`${id} is not in the manifest`);
    return found;
  };
  const release = async (changes: { readonly relock?: boolean } = {}): Promise<void> => {
    const request = requestFor({ templates: [TEMPLATE], ...changes });
    const result = await releaseTemplate(
      runIn(world.root, world.host(GOOD)),
      request,
      TEMPLATE,
      world.stages(GOOD),
    );
    expect(result).toMatchObject({ status: "verified" });
  };
  const verify = async (
    id: string,
    behaviour: Partial<Behaviour> = {},
    allowSkipped = false,
  ): Promise<VerifyResult> => {
    const now = { ...GOOD, ...behaviour };
    const stages = world.stages(now);
    const { deployment } = inWorkspace(await entry(id), now.workspace);
    if (deployment === null) throw new Error(`${id} is not deployed in ${now.workspace}`);
    return verifyVersion(
      runIn(world.root, world.host(now)),
      { allowSkipped, checks: [] },
      await entry(id),
      deployment,
      {
        verify: (rendered, ...rest) => {
          asked.push(rendered);
          return stages.verify(rendered, ...rest);
        },
      },
    );
  };

  beforeEach(async () => {
    world = new ModelledWorld();
    asked = [];
    await release();
  });
  afterEach(() => {
    world.end();
  });

  it("proves a revision as that one was locked and rendered, whatever template and lock are now", async () => {
    const then = await readLock(paths(world.root).lockFile(TEMPLATE, VERSION));
    world.edit(1);
    world.moveUpstream();
    await release({ relock: true });
    expect(await readLock(paths(world.root).lockFile(TEMPLATE, VERSION))).not.toEqual(then);
    const { inputsDigest } = await entry(FIRST);
    expect(await verify(FIRST)).toMatchObject({ id: FIRST, status: "verified", error: undefined });
    const [seen] = asked;
    expect(seen).toMatchObject({ inputsDigest, lock: then });
    const text = (name: string): string =>
      Buffer.from(seen?.files.find((file) => file.name === name)?.contents ?? "").toString("utf8");
    expect(text("Dockerfile")).toContain("RUN echo 0");
    await verify(SECOND);
    expect(asked[1]).toMatchObject({ inputsDigest: (await entry(SECOND)).inputsDigest });
  });

  it("proves a version whose template no longer exists", async () => {
    rmSync(join(paths(world.root).templates, TEMPLATE, "template.toml"));
    expect(await verify(FIRST)).toMatchObject({ id: FIRST, status: "verified", error: undefined });
    expect(asked[0]?.settings.sandbox).toMatchObject({ memoryMegabytes: 4096, ports: [] });
  });

  describe("of a version that a channel points at", () => {
    beforeEach(async () => {
      const facts = { at: "2026-01-01T00:00:00.000Z", by: "somebody", reason: "good" };
      await updateManifest(world.host(GOOD), paths(world.root).manifest, async (manifest) =>
        promote(
          manifest,
          {
            entries: [await entry(FIRST)],
            channel: "stable",
            workspace: "staging",
            unverified: false,
            create: true,
          },
          facts,
        ),
      );
    });

    it.each<[Behaviour["verify"], string, string, object]>([
      ["failed", "VERIFY_FAILED", "failed", { failed: 1 }],
      ["skipped", "VERIFY_SKIPPED", "verified", { failed: 0, skipped: 1, mounted: false }],
    ])(
      "%s says so with the channel's name and stays resolvable",
      async (outcome, code, status, verification) => {
        const { error, ...result } = await verify(FIRST, { verify: outcome });
        expect(result.status).toBe(status);
        expect(error).toMatchObject({ code, kind: "deploy" });
        expect(error?.message).toContain("stable points at it");
        expect(error?.hint).toContain(`mesa-template revoke ${FIRST} --reason … --rollback`);
        const after = await entry(FIRST);
        expect(after.deployments["staging"]?.verification).toMatchObject(verification);
        expect(after.failure).toEqual(
          outcome === "failed"
            ? expect.objectContaining({ stage: "verify", code, workspace: "staging" })
            : null,
        );
        const manifest = await readManifest(paths(world.root).manifest);
        expect(usableImage(manifest, after, "staging")).toBe(after.deployments["staging"]?.image);
        expect(await verify(FIRST)).toMatchObject({ status: "verified", error: undefined });
        expect((await entry(FIRST)).failure).toBeNull();
      },
    );

    it("says nothing against one that may skip", async () => {
      expect(await verify(FIRST, { verify: "skipped" }, true)).toMatchObject({
        status: "verified",
        error: undefined,
      });
    });
  });

  it("names no channel where none points there, and that version is not used", async () => {
    const { error } = await verify(FIRST, { verify: "failed" });
    expect(error?.message).not.toContain("points at it");
    const manifest = await readManifest(paths(world.root).manifest);
    expect(() => usableImage(manifest, manifest.versions[FIRST] ?? entryMissing(), "staging")).toThrow(
      expect.objectContaining({ code: "NOT_VERIFIED" }),
    );
  });

  it("says nothing of an image that took the proven one's place meanwhile", async () => {
    const before = await entry(FIRST);
    const host = world.host(GOOD);
    const stages = world.stages({ ...GOOD, verify: "failed" });
    const standing = inWorkspace(before, "staging").deployment;
    if (standing === null) throw new Error("not deployed");
    const newer = { ...standing, image: "sandbox/mesa:newer" };
    await verifyVersion(runIn(world.root, host), { allowSkipped: false, checks: [] }, before, standing, {
      verify: async (...args) => {
        const deployments = { staging: { ...newer, verification: null } };
        await updateManifest(host, paths(world.root).manifest, (manifest) =>
          recordEntry(manifest, { ...before, deployments }, "2026-01-01T00:00:00.000Z"),
        );
        return stages.verify(...args);
      },
    });
    expect((await entry(FIRST)).deployments["staging"]).toEqual({ ...newer, verification: null });
    expect((await entry(FIRST)).failure).toBeNull();
  });
});

it("release --no-verify keeps a verification of what stands there already", async () => {
  const world = new ModelledWorld();
  try {
    const release = async (changes: Partial<ReleaseRequest>): Promise<string> => {
      const run = runIn(world.root, world.host(GOOD));
      const request = requestFor({ templates: [TEMPLATE], ...changes });
      return (await releaseTemplate(run, request, TEMPLATE, world.stages(GOOD))).status;
    };
    expect(await release({})).toBe("verified");
    world.changeChecks(1);
    expect(await release({ verify: false })).toBe("verified");
    const entry = (await readManifest(paths(world.root).manifest)).versions[FIRST];
    expect(entry?.deployments["staging"]?.verification).toMatchObject({ failed: 0 });
    expect(await release({ verify: false, force: true })).toBe("deployed");
  } finally {
    world.end();
  }
});

describe("what stands in the workspace", () => {
  let world: ModelledWorld;
  beforeEach(() => {
    world = new ModelledWorld();
  });
  afterEach(() => {
    world.end();
  });
  const release = (
    changes: Partial<ReleaseRequest>,
    behaviour: Behaviour = GOOD,
  ): Promise<TemplateResult> => {
    const request = requestFor({ templates: [TEMPLATE], ...changes });
    return releaseTemplate(
      runIn(world.root, world.host(behaviour)),
      request,
      TEMPLATE,
      world.stages(behaviour),
    );
  };

  it("stays what was proven, where a release of another image fails its verification", async () => {
    const { deployment } = await release({});
    const failed = await release({ force: true }, { ...GOOD, verify: "failed" });
    expect(failed).toMatchObject({ status: "failed", deployment, error: { code: "VERIFY_FAILED" } });
    const manifest = await readManifest(paths(world.root).manifest);
    expect(manifest.versions[FIRST]?.failure).toMatchObject({ stage: "verify", workspace: "staging" });
    expect(await release({})).toMatchObject({ status: "verified", deployment: { image: deployment?.image } });
  });

  it("is replaced in the registry by an image that was built again without a deploy", async () => {
    const registry = "registry.example.com/acme";
    const { deployment } = await release({ registry });
    expect(await release({ registry, force: true, deploy: false })).toMatchObject({ status: "verified" });
    const after = await release({ registry });
    expect(after.status).toBe("verified");
    expect(after.deployment?.registryDigest).not.toBe(deployment?.registryDigest);
  });

  it("is not what smoke checks, where another revision or the edited template would be checked in its place", async () => {
    await release({});
    world.edit(1);
    await release({});
    const { versions } = await readManifest(paths(world.root).manifest);
    const smoke = (of?: ManifestEntry): Promise<SmokeReport> => {
      const asked = { ...requestFor({}), template: TEMPLATE, version: VERSION, ...(of && { of }) };
      return smokeVersion(runIn(world.root, world.host(GOOD)), asked, world.stages(GOOD));
    };
    await expect(smoke(versions[FIRST])).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(`${FIRST} was made from other inputs`) as string,
    });
    expect(await smoke(versions[SECOND])).toMatchObject({ failed: 0 });
    world.edit(2);
    await expect(smoke(versions[SECOND])).rejects.toMatchObject({ code: "USAGE" });
    expect(await smoke()).toMatchObject({ failed: 0 });
  });

  it("is what another checkout recorded after a run here was killed", async () => {
    const { deployment } = await release({});
    if (deployment === null) throw new Error("not deployed");
    const [entry] = Object.values((await readManifest(paths(world.root).manifest)).versions);
    const kept = { ...deployment, image: "sandbox/mesa:older", verification: null };
    const of = { template: TEMPLATE, inputsDigest: entry?.inputsDigest ?? "" };
    await keepDeployment(world.root, of, { ...kept, deployedAt: "2020-01-01T00:00:00.000Z" });
    expect(await release({})).toMatchObject({ upToDate: true, deployment });
    await keepDeployment(world.root, of, { ...kept, deployedAt: "2999-01-01T00:00:00.000Z" });
    expect(await release({})).toMatchObject({ upToDate: false, deployment: { image: kept.image } });
  });
});

describe("the provenance of a version", () => {
  it.each([true, undefined])(
    "says whether the templates differed from the commit (dirty: %s)",
    async (dirty) => {
      const world = new ModelledWorld();
      try {
        const request = requestFor({ templates: [TEMPLATE], deploy: false });
        await releaseTemplate(runIn(world.root, world.host(GOOD)), request, TEMPLATE, world.stages(GOOD));
        const version = { template: TEMPLATE, mesaVersion: VERSION, revision: 1 };
        const measured = await readRecord(world.root, version);
        if (measured === undefined) throw new Error("nothing is recorded");
        const made = {
          toolVersion: "1",
          finishedOn: "2026-01-01T00:00:00.000Z",
          commit: "c".repeat(40),
          ci: null,
        };
        const { predicate } = JSON.parse(provenanceOf(measured, "", { ...made, dirty })) as {
          predicate: { buildDefinition: { resolvedDependencies: readonly { readonly name?: string }[] } };
        };
        const source = predicate.buildDefinition.resolvedDependencies.find(({ name }) => name === "source");
        const annotated = dirty === true ? { annotations: { dirty } } : {};
        expect(source).toEqual({ name: "source", digest: { gitCommit: made.commit }, ...annotated });
      } finally {
        world.end();
      }
    },
  );
});

function entryMissing(): never {
  throw new Error("the entry is missing");
}
