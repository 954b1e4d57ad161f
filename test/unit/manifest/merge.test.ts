import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkManifest, contradictions } from "../../../src/manifest/check";
import type { Manifest, ManifestEntry } from "../../../src/manifest/entry";
import { mergeManifests } from "../../../src/manifest/merge";
import { inWorkspace } from "../../../src/manifest/versions/in-workspace";
import { revoke } from "../../../src/manifest/channels/revoke";
import { Failure } from "../../../src/support/errors";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { deploymentOf, entryOf, manifestOf, promote, rollback } from "./fixture";

const at = (day: number): string => `2026-02-${String(day).padStart(2, "0")}T00:00:00.000Z`;
const facts = (day: number) => ({ at: at(day), by: "x" }) as const;

function conflict(one: Manifest, other: Manifest): Failure {
  try {
    mergeManifests(one, other);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("they were joined");
}

describe("joining manifests", () => {
  const old = entryOf("debian", "0.20.0");
  const base = promote(manifestOf(old), [old.id], "stable", facts(1));

  it("takes what each of two runs added, twice as well as once", () => {
    const one = { ...base, versions: { ...base.versions, "a@1.0.0-1": entryOf("a", "1.0.0") } };
    const other = { ...base, versions: { ...base.versions, "b@1.0.0-1": entryOf("b", "1.0.0") } };
    const merged = mergeManifests(one, other);
    expect(Object.keys(merged.versions).sort()).toEqual(["a@1.0.0-1", "b@1.0.0-1", "debian@0.20.0-1"]);
    expect(canonicalJson(mergeManifests(other, one))).toBe(canonicalJson(merged));
    expect(mergeManifests(merged, one)).toBe(merged);
    expect(mergeManifests(merged, other)).toBe(merged);
  });

  const deployed: Partial<ManifestEntry> = {
    status: "deployed",
    deployments: { ws: deploymentOf("debian", "0.20.0", 1, "ws", false) },
  };
  const failed: Partial<ManifestEntry> = {
    status: "failed",
    failure: { stage: "verify", code: "X", message: "it failed", workspace: "ws" },
  };
  const revoked: Partial<ManifestEntry> = {
    status: "revoked",
    revocation: { reason: "r", at: at(1), by: "x" },
    updatedAt: at(1),
  };
  const unrevoked: Partial<ManifestEntry> = {
    revocation: { reason: "r", at: at(1), by: "x", lifted: { reason: "s", at: at(2), by: "y" } },
    updatedAt: at(2),
  };
  const removed: Partial<ManifestEntry> = {
    status: "removed",
    deployments: { ws: { ...deploymentOf("debian", "0.20.0"), removedAt: at(3) } },
    updatedAt: at(3),
  };
  const inProd: Partial<ManifestEntry> = {
    deployments: { ...old.deployments, prod: deploymentOf("debian", "0.20.0", 1, "prod") },
    updatedAt: at(2),
  };
  const failedInProd: Partial<ManifestEntry> = {
    ...inProd,
    failure: { stage: "deploy", code: "X", message: "it failed", workspace: "prod" },
  };
  const verifiedOn = (day: number, failures: number): ManifestEntry["deployments"] => {
    const ws = deploymentOf("debian", "0.20.0");
    return {
      ws: { ...ws, verification: ws.verification && { ...ws.verification, at: at(day), failed: failures } },
    };
  };
  // Its change of the entry can be a later one, in another workspace.
  const failedVerification = (day: number, updated = day): Partial<ManifestEntry> => ({
    ...failed,
    ...(updated === day ? {} : { status: "verified" }),
    deployments: { ...(updated === day ? {} : inProd.deployments), ...verifiedOn(day, 1) },
    updatedAt: at(updated),
  });
  const cured = (day: number, updated: number): Partial<ManifestEntry> => ({
    deployments: { ...(updated === day ? {} : inProd.deployments), ...verifiedOn(day, 0) },
    updatedAt: at(updated),
  });
  it.each<[string, Partial<ManifestEntry>, Partial<ManifestEntry>, string]>([
    ["deployed, then verified", deployed, {}, "verified"],
    ["failed, then verified", { ...deployed, ...failed, updatedAt: at(1) }, { updatedAt: at(2) }, "verified"],
    ["verified, then failed", { updatedAt: at(1) }, { ...failed, updatedAt: at(2) }, "failed"],
    ["revoked while another run verified it", revoked, { updatedAt: at(2) }, "revoked"],
    ["revoked, then removed", revoked, removed, "removed"],
    ["removed here, deployed to another workspace there", removed, inProd, "verified"],
    ["revoked, then unrevoked", revoked, unrevoked, "verified"],
    [
      "unrevoked, then revoked once more",
      unrevoked,
      { status: "revoked", revocation: { reason: "t", at: at(3), by: "x" }, updatedAt: at(3) },
      "revoked",
    ],
  ])("knows which state of a version is the later one: %s", (_what, one, other, status) => {
    const sides = [one, other].map((change) => manifestOf({ ...old, ...change })) as [Manifest, Manifest];
    for (const merged of [mergeManifests(...sides), mergeManifests(sides[1], sides[0])]) {
      expect(merged.versions[old.id]?.status).toBe(status);
      expect(contradictions(merged)).toEqual([]);
    }
  });

  it.each<[string, Partial<ManifestEntry>, Partial<ManifestEntry>, string | undefined, string]>([
    ["failed here, then deployed elsewhere there", failedVerification(2), cured(1, 3), "ws", "failed"],
    [
      "failed here again, after the other side's verification",
      failedVerification(4),
      cured(2, 5),
      "ws",
      "failed",
    ],
    [
      "cured here, then deployed elsewhere there",
      cured(3, 3),
      failedVerification(2, 4),
      undefined,
      "verified",
    ],
    ["failed without a change of the deployment", { ...failed, updatedAt: at(1) }, inProd, "ws", "failed"],
    [
      "failed without any deployment, then a later change",
      { ...failed, deployments: {}, updatedAt: at(1) },
      { status: "smoked", deployments: {}, updatedAt: at(2) },
      undefined,
      "smoked",
    ],
    ["failed on both sides", { ...failed, updatedAt: at(1) }, failedInProd, "prod", "verified"],
  ])("keeps a failure with its workspace's deployment: %s", (_what, one, other, workspace, inWs) => {
    const sides = [one, other].map((change) => manifestOf({ ...old, ...change })) as [Manifest, Manifest];
    const merged = mergeManifests(...sides);
    const entry = merged.versions[old.id] ?? old;
    expect(entry.failure?.workspace).toBe(workspace);
    expect(inWorkspace(entry, "ws").status).toBe(inWs);
    expect(contradictions(merged)).toEqual([]);
    expect(canonicalJson(mergeManifests(sides[1], sides[0]))).toBe(canonicalJson(merged));
    for (const side of sides) expect(mergeManifests(merged, side)).toBe(merged);
  });

  it("keeps the deployments of both, by workspace", () => {
    const to = (workspace: string, day: number): Manifest =>
      manifestOf({
        ...old,
        deployments: { [workspace]: deploymentOf("debian", "0.20.0", 1, workspace) },
        updatedAt: at(day),
      });
    const both = mergeManifests(to("ws", 1), to("prod", 2));
    expect(Object.keys(both.versions[old.id]?.deployments ?? {}).sort()).toEqual(["prod", "ws"]);
    expect(canonicalJson(mergeManifests(to("prod", 2), to("ws", 1)))).toBe(canonicalJson(both));
    for (const side of [to("ws", 1), to("prod", 2)]) {
      expect(mergeManifests(both, side)).toBe(both);
      expect(canonicalJson(mergeManifests(side, both))).toBe(canonicalJson(both));
    }
    expect(mergeManifests(manifestOf({ ...old, ...removed }), to("ws", 1)).versions[old.id]).toMatchObject({
      status: "removed",
      deployments: { ws: { removedAt: at(3) } },
    });
  });

  it.each<[string, Partial<ManifestEntry>]>([
    ["other inputs", { inputsDigest: `sha256:${"c".repeat(64)}` }],
    ["another build", { createdAt: at(9) }],
    ["the same state, but other facts", { smoke: { ...old.smoke, passed: 1 } }],
  ])("is refused for one id with %s, and names it", (_what, change) => {
    const found = conflict(manifestOf(old), manifestOf({ ...old, ...change }));
    expect([found.code, found.kind]).toEqual(["MANIFEST_MERGE_CONFLICT", "manifest"]);
    expect(found.message).toContain(old.id);
  });

  it("is refused where one side removed a version and a channel of the other points at it", () => {
    const found = conflict(manifestOf({ ...old, ...removed }), base);
    expect([found.code, found.kind]).toEqual(["MANIFEST_MERGE_CONFLICT", "manifest"]);
    expect(found.message).toContain(`debian/stable: it points at ${old.id}, which was removed`);
  });

  it("leaves a channel ended that one side ended, and keeps every move once", () => {
    const ended = revoke(base, old.id, { ...facts(2), reason: "broken" }, true);
    const merged = mergeManifests(base, ended);
    expect(merged.channels["debian"]).toEqual({});
    expect(merged.history).toHaveLength(ended.history.length);
    expect(merged.history).toEqual(expect.arrayContaining([...ended.history]));
    expect(checkManifest(merged)).toEqual([]);
  });

  it("keeps unknown fields, and the newer of two schema versions", () => {
    const newer = { ...base, schemaVersion: "2.7", colour: "blue" };
    expect(mergeManifests(base, newer)).toMatchObject({ schemaVersion: "2.7", colour: "blue" });
    expect(mergeManifests(newer, base)).toMatchObject({ schemaVersion: "2.7", colour: "blue" });
  });

  it("comes to the same in any order, and is valid, whatever two runs did", () => {
    const entries = ["0.20.0", "0.26.0", "0.38.0"].map((version) => entryOf("debian", version));
    const step = fc.record({
      what: fc.constantFrom("promote", "rollback", "revoke"),
      id: fc.constantFrom(...entries.map(({ id }) => id)),
      by: fc.constantFrom("one", "other"),
      day: fc.integer({ min: 1, max: 28 }),
    });
    const run = (
      start: Manifest,
      steps: readonly { what: string; id: string; by: string; day: number }[],
    ): Manifest =>
      steps.reduce((manifest, { what, id, by, day }) => {
        try {
          const now = { at: at(day), by };
          if (what === "promote") return promote(manifest, [id], "stable", now);
          if (what === "rollback") return rollback(manifest, ["debian"], "stable", now);
          return revoke(manifest, id, { ...now, reason: "r" }, true);
        } catch (error) {
          if (error instanceof Failure) return manifest;
          throw error;
        }
      }, start);
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (ours, theirs) => {
        const start = manifestOf(...entries);
        const [one, other] = [run(start, ours), run(start, theirs)];
        let merged: Manifest;
        try {
          merged = mergeManifests(one, other);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          return;
        }
        expect(checkManifest(merged)).toEqual([]);
        expect(canonicalJson(mergeManifests(other, one))).toBe(canonicalJson(merged));
        expect(canonicalJson(mergeManifests(merged, other))).toBe(canonicalJson(merged));
      }),
      { numRuns: 300 },
    );
  });
});
