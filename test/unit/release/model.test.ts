import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { revoke, unrevoke } from "../../../src/manifest/channels/revoke";
import type { ManifestEntry, Verification } from "../../../src/manifest/entry";
import { readManifest, updateManifest } from "../../../src/manifest/index";
import { inWorkspace } from "../../../src/manifest/versions/in-workspace";
import { NOT_RECORDED } from "../../../src/manifest/entry";
import { readLock } from "../../../src/lock/lock-file";
import { loadTemplate, renderTemplate } from "../../../src/render/index";
import { releaseTemplate } from "../../../src/release/apply";
import { nothingToDo } from "../../../src/release/release";
import type { ReleaseRequest, TemplateResult } from "../../../src/release/request";
import { testFilesOf } from "../../../src/release/proof/test-files";
import { verifyVersion } from "../../../src/release/verify";
import { MOUNT_CHECK } from "../../../src/smoke/check";
import { checksDigest } from "../../../src/smoke/checks-digest";
import type { SmokeReport } from "../../../src/smoke/report";
import { Failure } from "../../../src/support/errors";
import { paths } from "../../../src/support/files/paths";
import { rmSync } from "node:fs";
import { IN_MEMORY } from "./fixture/files-in-memory";
import {
  checksText,
  GOOD,
  ModelledWorld,
  TEMPLATE,
  VERSION,
  type Behaviour,
  type Happened,
} from "./fixture/modelled-world";
import { requestFor, runIn } from "./fixture/request";

vi.mock("node:fs", async (original) =>
  (await import("./fixture/files-in-memory")).fsWithMemory(await original<object>()),
);
vi.mock("node:fs/promises", async (original) =>
  (await import("./fixture/files-in-memory")).promisesWithMemory(await original<object>()),
);
// The same few texts are rendered again and again; compiling them would take a fifth of the time.
vi.mock("../../../src/render/render", async (original) => {
  const real = await original<{ renderTemplate: typeof renderTemplate }>();
  const known = new Map<string, ReturnType<typeof renderTemplate>>();
  const rendered: typeof renderTemplate = (source, lock) => {
    const key = JSON.stringify([source.files, source.settings, lock]);
    const found = known.get(key) ?? real.renderTemplate(source, lock);
    known.set(key, found);
    return found;
  };
  return { ...real, renderTemplate: rendered };
});

type Flags = Pick<
  ReleaseRequest,
  "force" | "relock" | "refresh" | "deploy" | "verify" | "allowSkipped" | "registry"
>;

interface Run {
  readonly flags: Flags;
  readonly behaviour: Behaviour;
}

type Step =
  | { readonly do: "edit" | "checks"; readonly content: number }
  | { readonly do: "release"; readonly run: Run }
  | { readonly do: "two releases"; readonly runs: readonly [Run, Run] }
  | { readonly do: "verify"; readonly nth: number; readonly run: Run }
  | { readonly do: "revoke" | "unrevoke"; readonly nth: number }
  | { readonly do: "clock"; readonly by: number }
  | { readonly do: "image gone" | "upstream moves" | "cache gone" | "tags move" };

const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);
const mostly = rarely.map((is) => !is);
const outcome = fc.constantFrom(
  "passed" as const,
  "passed" as const,
  "passed" as const,
  "failed" as const,
  "skipped" as const,
);
/** After how many events something happens; in one of `inHowMany` cases. */
const sometime = (inHowMany: number): fc.Arbitrary<number | undefined> =>
  fc.oneof(
    { weight: inHowMany - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 22 }) },
  );
const run: fc.Arbitrary<Run> = fc.record({
  flags: fc.record({
    force: rarely,
    relock: rarely,
    refresh: rarely,
    deploy: mostly,
    verify: mostly,
    allowSkipped: rarely,
    registry: fc.constantFrom(undefined, undefined, "registry.example.com/acme"),
  }),
  behaviour: fc.record({
    workspace: fc.constantFrom("staging", "prod"),
    mesa: mostly,
    smoke: outcome,
    verify: outcome,
    deploy: fc.constantFrom(
      "works" as const,
      "works" as const,
      "works" as const,
      "is-refused" as const,
      "fails-late" as const,
    ),
    killAt: sometime(2),
    editAt: sometime(4),
    tagsMoveAt: sometime(8),
  }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("release" as const), run }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("two releases" as const), runs: fc.tuple(run, run) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("verify" as const), nth: fc.nat(3), run }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("edit" as const, "checks" as const),
      content: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("revoke" as const, "unrevoke" as const), nth: fc.nat(3) }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        do: fc.constantFrom(
          "image gone" as const,
          "upstream moves" as const,
          "cache gone" as const,
          "tags move" as const,
        ),
      }),
      fc.record({ do: fc.constant("clock" as const), by: fc.integer({ min: -86_400_000, max: 86_400_000 }) }),
    ),
  },
);

const PLAIN: Run = {
  flags: {
    force: false,
    relock: false,
    refresh: false,
    deploy: true,
    verify: true,
    allowSkipped: false,
    registry: undefined,
  },
  behaviour: GOOD,
};

function requestOf(world: ModelledWorld, { flags }: Run): ReleaseRequest {
  return requestFor({ ...flags, templates: [TEMPLATE] });
}

/** One run to its end; undefined where it was killed. */
async function released(world: ModelledWorld, one: Run): Promise<TemplateResult | undefined> {
  const host = world.host(one.behaviour);
  try {
    return await releaseTemplate(
      runIn(world.root, host),
      requestOf(world, one),
      TEMPLATE,
      world.stages(one.behaviour),
    );
  } catch (error) {
    if (host.signal.aborted) return undefined;
    throw error;
  }
}

async function take(world: ModelledWorld, next: Step): Promise<void> {
  switch (next.do) {
    case "edit":
      world.edit(next.content);
      break;
    case "checks":
      world.changeChecks(next.content);
      break;
    case "clock":
      world.clock += next.by;
      break;
    case "image gone":
      world.engine.clear();
      break;
    case "upstream moves":
      world.moveUpstream();
      break;
    case "tags move":
      world.moveTags();
      break;
    case "cache gone":
      rmSync(paths(world.root).state, { recursive: true, force: true });
      break;
    case "release":
      await checkedRun(world, next.run);
      break;
    case "two releases":
      await Promise.all(next.runs.map((one) => released(world, one)));
      break;
    case "verify":
      await verified(world, next.nth, next.run);
      break;
    case "revoke":
    case "unrevoke":
      await withdrawn(world, next.do, next.nth);
      break;
  }
}

async function entriesIn(world: ModelledWorld): Promise<readonly ManifestEntry[]> {
  return Object.values((await readManifest(paths(world.root).manifest)).versions);
}

async function verified(world: ModelledWorld, nth: number, { behaviour, flags }: Run): Promise<void> {
  const entries = await entriesIn(world);
  const entry = entries[nth % Math.max(1, entries.length)];
  const deployment = entry === undefined ? null : inWorkspace(entry, behaviour.workspace).deployment;
  if (entry === undefined || deployment === null) return;
  const host = world.host(behaviour);
  const request = { allowSkipped: flags.allowSkipped, checks: [] };
  try {
    await verifyVersion(runIn(world.root, host), request, entry, deployment, world.stages(behaviour));
  } catch (error) {
    if (!host.signal.aborted && !(error instanceof Failure)) throw error;
  }
}

async function withdrawn(world: ModelledWorld, what: "revoke" | "unrevoke", nth: number): Promise<void> {
  const facts = { at: "2026-01-01T00:00:00.000Z", by: "somebody", reason: "broken" };
  const host = world.host(PLAIN.behaviour);
  await updateManifest(host, paths(world.root).manifest, (manifest) => {
    const ids = Object.keys(manifest.versions).filter(
      (id) => (manifest.versions[id]?.status === "revoked") === (what === "unrevoke"),
    );
    const id = ids[nth % Math.max(1, ids.length)];
    if (id === undefined) return manifest;
    return what === "revoke" ? revoke(manifest, id, facts, false) : unrevoke(manifest, id, facts);
  });
}

/** One release, and what its answer claims. */
async function checkedRun(world: ModelledWorld, one: Run): Promise<void> {
  const before = await entriesIn(world);
  const begun = world.happened.length;
  const result = await released(world, one);
  const done = world.happened.slice(begun);
  const { flags, behaviour } = one;
  const now = await inputsNow(world);
  const revoked = before.some((entry) => entry.status === "revoked" && entry.inputsDigest === now);
  if (revoked && !flags.relock && !flags.refresh) expect(done).toEqual([]);
  if (!behaviour.mesa && !flags.allowSkipped)
    expect(done.filter(({ what }) => what === "deployed")).toEqual(
      flags.relock || flags.refresh ? [] : expect.anything(),
    );
  if (result === undefined || result.error !== undefined) return;
  // It says that the goal is reached: with what lies here now, in this workspace, with these checks.
  if (result.upToDate) expect(done).toEqual([]);
  if (behaviour.editAt !== undefined) return;
  const digest = await digestNow(world);
  const entry = (await entriesIn(world)).find(({ id }) => id === result.id);
  if (entry === undefined) throw new Error(`${String(result.id)} is said to be released, and is nowhere`);
  expect(entry).toMatchObject({ inputsDigest: now, smoke: { checksDigest: digest, failed: 0 } });
  if (!flags.allowSkipped) expect(entry.smoke).toMatchObject({ skipped: 0, mounted: true });
  if (!flags.deploy) return;
  const { deployment, verification, status } = inWorkspace(entry, behaviour.workspace);
  expect(deployment?.image).toBe(result.deployment?.image);
  expect(deployment).not.toBeNull();
  if (flags.registry !== undefined) {
    expect(deployment?.registryDigest).toBeDefined();
    expect(deployment?.registryDigest).toBe(entry.image.registryDigest);
  }
  if (!flags.verify) return;
  expect(status).toBe("verified");
  expect(verification).toMatchObject({ checksDigest: digest, image: deployment?.image, failed: 0 });
  if (!flags.allowSkipped) expect(verification).toMatchObject({ skipped: 0, mounted: true });
}

async function inputsNow({ root }: ModelledWorld): Promise<string | undefined> {
  const lock = await readLock(paths(root).lockFile(TEMPLATE, VERSION));
  return lock === undefined
    ? undefined
    : renderTemplate(await loadTemplate(root, TEMPLATE), lock).inputsDigest;
}

function digestNow({ root }: ModelledWorld): Promise<string> {
  return checksDigest({ ...testFilesOf(root, TEMPLATE, { checks: [], structureTests: [] }) });
}

/** The digests of the checks that a world can have, and their bytes. */
async function digestsOf(world: ModelledWorld): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const content of [2, 1, 0]) {
    world.changeChecks(content);
    found.set(await digestNow(world), checksText(content));
  }
  return found;
}

/** What the manifest claims and nothing that happened bears out; empty as it must be. */
function unfounded(
  entries: readonly ManifestEntry[],
  happened: readonly Happened[],
  digests: ReadonlyMap<string, string>,
): string[] {
  return entries.flatMap((entry) => {
    const { smoke, image, inputsDigest } = entry;
    const wrong: string[] = [];
    const proven = happened.some(
      (one) =>
        one.what === "smoke" &&
        one.imageId === image.id &&
        one.imageId === smoke.imageId &&
        one.inputsDigest === inputsDigest &&
        one.checks === digests.get(smoke.checksDigest) &&
        one.report.failed === 0 &&
        isSame(one.report, smoke),
    );
    if (!proven) wrong.push(`${entry.id}: its image was never proven like that`);
    const pushed = happened.some(
      (one) =>
        one.what === "pushed" &&
        one.imageId === image.id &&
        one.digest === image.registryDigest &&
        one.reference === image.registryReference,
    );
    if (image.registryDigest !== undefined && !pushed) wrong.push(`${entry.id}: its image was never pushed`);
    for (const [workspace, deployment] of Object.entries(entry.deployments)) {
      const sent = happened.some(
        (one) =>
          one.what === "deployed" &&
          one.workspace === workspace &&
          deployment.workspace === workspace &&
          one.image === deployment.image &&
          one.digest === deployment.registryDigest &&
          one.inputsDigest === inputsDigest,
      );
      if (!sent) wrong.push(`${entry.id}: ${deployment.image} was never deployed in ${workspace}`);
      const { verification } = deployment;
      if (verification === null) continue;
      const seen = happened.some(
        (one) =>
          one.what === "verified" &&
          one.workspace === workspace &&
          one.image === deployment.image &&
          one.image === verification.image &&
          one.inputsDigest === inputsDigest &&
          one.checks === digests.get(verification.checksDigest) &&
          isSame(one.report, verification),
      );
      if (!seen) wrong.push(`${entry.id}: ${deployment.image} was never verified like that in ${workspace}`);
    }
    const { failure } = entry;
    const failed = happened.some(
      (one) =>
        (one.what === "deploy-failed" || (one.what === "verified" && !isClean(one.report))) &&
        one.inputsDigest === inputsDigest &&
        one.workspace === failure?.workspace,
    );
    if (failure !== null && failure.code !== "CHECKS_CHANGED" && !failed)
      wrong.push(`${entry.id}: nothing failed in ${String(failure.workspace)}`);
    return wrong;
  });
}

function isSame(report: SmokeReport, claimed: ManifestEntry["smoke"] | Verification): boolean {
  const mounted = report.checks.some(({ name, outcome }) => name === MOUNT_CHECK && outcome === "passed");
  return (
    report.passed === claimed.passed &&
    report.failed === claimed.failed &&
    report.skipped === claimed.skipped &&
    mounted === claimed.mounted &&
    report.skipped === claimed.notRun.length &&
    claimed.checksDigest !== NOT_RECORDED
  );
}

function isClean({ failed, skipped }: SmokeReport): boolean {
  return failed + skipped === 0;
}

/** What went to the platform although the image had never been proven: the imported one, or the one that was at hand. */
function sentUnproven(happened: readonly Happened[]): string[] {
  const passed = new Set<string>();
  const atHand = new Map<string, string>();
  const imageOf = new Map<string, string>();
  return happened.flatMap((one) => {
    if (one.what === "built") atHand.set(one.inputsDigest, one.imageId);
    if (one.what === "pushed") imageOf.set(one.digest, one.imageId);
    if (one.what === "smoke" && one.report.failed === 0) passed.add(one.imageId);
    if (one.what !== "deployed" && one.what !== "deploy-failed") return [];
    const imageId = one.digest === undefined ? atHand.get(one.inputsDigest) : imageOf.get(one.digest);
    return passed.has(imageId ?? "") ? [] : [`${one.image} was sent unproven`];
  });
}

/** What was recorded before and is no longer. */
function lost(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): string[] {
  return before.flatMap(({ id, deployments }) => {
    const now = after.find((entry) => entry.id === id);
    if (now === undefined) return [id];
    return Object.keys(deployments).flatMap((name) =>
      Object.hasOwn(now.deployments, name) ? [] : [`${id} in ${name}`],
    );
  });
}

/** How many sequences are tried: some 20 ms each; thousands where somebody asks for them. */
const SEQUENCES = Number(process.env["MODEL_SEQUENCES"] ?? 300);
/** Sequences at the same time: while one waits for a lock, another goes on. */
const AT_ONCE = 4;

describe("whatever is done in whatever order", () => {
  it("claims nothing that was not proven, and comes to an end", { timeout: 600_000 }, async () => {
    const all = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 10 }), holds);
    await Promise.all(
      Array.from({ length: AT_ONCE }, () => fc.assert(all, { numRuns: Math.ceil(SEQUENCES / AT_ONCE) })),
    );
  });
});

async function holds(steps: readonly Step[]): Promise<void> {
  const world = new ModelledWorld(IN_MEMORY);
  try {
    const digests = await digestsOf(world);
    let before: readonly ManifestEntry[] = [];
    for (const next of steps) {
      await take(world, next);
      const entries = await entriesIn(world);
      expect(unfounded(entries, world.happened, digests)).toEqual([]);
      expect(lost(before, entries)).toEqual([]);
      before = entries;
      expect(sentUnproven(world.happened)).toEqual([]);
    }
    await comesToAnEnd(world);
  } finally {
    world.end();
  }
}

/** After whatever happened a plain release in good weather succeeds, unless it was revoked, and another has nothing to do. */
async function comesToAnEnd(world: ModelledWorld): Promise<void> {
  const now = await inputsNow(world);
  const revoked = (await entriesIn(world)).some(
    ({ status, inputsDigest }) => status === "revoked" && inputsDigest === now,
  );
  const result = await released(world, PLAIN);
  if (revoked) {
    expect(result?.error).toMatchObject({ code: "INPUTS_REVOKED" });
    return;
  }
  if (result?.error !== undefined) {
    // Locked for the first time only now, to what was revoked.
    expect(result.error).toMatchObject({ code: "INPUTS_REVOKED" });
    expect(now).toBeUndefined();
    return;
  }
  const again = await nothingToDo(
    runIn(world.root, world.host(PLAIN.behaviour)),
    requestOf(world, PLAIN),
    () => Promise.resolve(world.stages(PLAIN.behaviour)),
  );
  expect(again).toMatchObject([{ id: result?.id, upToDate: true }]);
}
