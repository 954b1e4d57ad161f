import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../../src/manifest/check";
import { revoke } from "../../../src/manifest/channels/revoke";
import { rollbackTarget } from "../../../src/manifest/channels/rollback";
import type { Manifest, ManifestEntry } from "../../../src/manifest/entry";
import { Failure } from "../../../src/support/errors";
import { deploymentOf, entryOf, manifestOf, promote, rollback } from "./fixture";

const facts = { at: "2026-02-01T00:00:00.000Z", by: "somebody" };

describe("channels", () => {
  const base = manifestOf(
    entryOf("debian", "0.20.0"),
    entryOf("debian", "0.26.0"),
    entryOf("alpine", "0.20.0"),
    entryOf("debian", "0.38.0", 1, "deployed"),
    entryOf("debian", "0.46.0", 1, "failed"),
  );

  it("point at versions, several templates in one write", () => {
    const after = promote(base, ["alpine@0.20.0-1", "debian@0.20.0-1"], "stable", facts);
    expect(after.channels).toEqual({
      alpine: { stable: "alpine@0.20.0-1" },
      debian: { stable: "debian@0.20.0-1" },
    });
    expect(after.history).toHaveLength(2);
  });

  it("move for all templates or for none", () => {
    expect(() => promote(base, ["alpine@0.20.0-1", "debian@0.46.0-1"], "stable", facts)).toThrow(
      /it failed/u,
    );
    expect(base.channels).toEqual({});
  });

  it("take what was deployed but not verified only when told to", () => {
    expect(() => promote(base, ["debian@0.38.0-1"], "canary", facts)).toThrow(/not verified/u);
    expect(promote(base, ["debian@0.38.0-1"], "canary", facts, true).channels["debian"]).toEqual({
      canary: "debian@0.38.0-1",
    });
  });

  it("do not take a version that was built again since the image that runs was deployed", () => {
    const version = entryOf("debian", "0.20.0");
    const deployments = { ws: { ...deploymentOf("debian", "0.20.0"), registryDigest: "sha256:older" } };
    const again = { ...version, deployments, image: { ...version.image, registryDigest: "sha256:newer" } };
    const promoted = (entry: ManifestEntry): Manifest =>
      promote(manifestOf(entry), [entry.id], "stable", facts);
    expect(() => promoted(again)).toThrow(/ws runs another image of it, of an earlier build/u);
    expect(() => promoted({ ...again, image: version.image })).toThrow(/another image/u);
    const same = { ...again, image: { ...version.image, registryDigest: "sha256:older" } };
    expect(promoted(same).channels["debian"]).toEqual({ stable: version.id });
  });

  it("go back to what they pointed at before, and further back the next time", () => {
    let manifest = promote(base, ["debian@0.20.0-1"], "stable", facts);
    manifest = promote(manifest, ["debian@0.26.0-1"], "stable", facts);
    manifest = promote(manifest, ["debian@0.38.0-1"], "stable", facts, true);
    manifest = rollback(manifest, ["debian"], "stable", facts);
    expect(manifest.channels["debian"]?.["stable"]).toBe("debian@0.26.0-1");
    manifest = rollback(manifest, ["debian"], "stable", facts);
    expect(manifest.channels["debian"]?.["stable"]).toBe("debian@0.20.0-1");
    expect(() => rollback(manifest, ["debian"], "stable", facts)).toThrow(/nothing to go back to/u);
  });

  it("are taken back from a version that is revoked, when told to", () => {
    let manifest = promote(base, ["debian@0.20.0-1"], "stable", facts);
    manifest = promote(manifest, ["debian@0.26.0-1"], "stable", facts);
    const after = revoke(manifest, "debian@0.26.0-1", { ...facts, reason: "broken" }, true);
    expect(after.channels["debian"]?.["stable"]).toBe("debian@0.20.0-1");
    expect(after.versions["debian@0.26.0-1"]).toMatchObject({
      status: "revoked",
      revocation: { reason: "broken" },
    });
    expect(() => promote(after, ["debian@0.26.0-1"], "stable", facts)).toThrow(/revoked: broken/u);
  });

  const versions = ["0.20.0", "0.26.0", "0.38.0"];
  const start = manifestOf(
    ...versions.flatMap((version) => [entryOf("debian", version), entryOf("alpine", version)]),
  );
  const step = fc.record({
    what: fc.constantFrom("promote", "promote", "rollback", "rollback to", "revoke"),
    version: fc.constantFrom(...versions),
    template: fc.constantFrom("debian", "alpine"),
    channel: fc.constantFrom("stable", "canary"),
    // Clocks of different machines go differently.
    clock: fc.integer({ min: -5, max: 5 }),
  });
  type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

  /** The manifest after an operation: the very same one when it was refused. */
  function after(manifest: Manifest, { what, version, template, channel, clock }: Step): Manifest {
    const now = { at: new Date(1_800_000_000_000 + clock).toISOString(), by: "x" };
    const id = `${template}@${version}-1`;
    try {
      if (what === "promote") return promote(manifest, [id], channel, now);
      if (what === "rollback") return rollback(manifest, [template], channel, now);
      if (what === "rollback to") return rollback(manifest, [template], channel, now, [id]);
      return revoke(manifest, id, { ...now, reason: "r" }, true);
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      return manifest;
    }
  }

  /** Where channels point when their moves are made again from the beginning. */
  function replayed({ history }: Manifest): Record<string, string> {
    const pointing = new Map<string, string>();
    for (const { template, channel, from, to } of history) {
      if (channel === null) continue;
      const name = `${template}/${channel}`;
      expect(from).toBe(pointing.get(name) ?? null);
      if (to === null) pointing.delete(name);
      else pointing.set(name, to);
    }
    return Object.fromEntries(pointing);
  }

  it("keep their invariants under any sequence of operations", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let manifest = start;
        for (const one of steps) {
          const before = manifest;
          manifest = after(manifest, one);
          expect(checkManifest(manifest)).toEqual([]);
          const pointing = Object.entries(manifest.channels).flatMap(([template, channels]) =>
            Object.entries(channels).map(([channel, id]) => [`${template}/${channel}`, id] as const),
          );
          for (const [, id] of pointing) expect(manifest.versions[id]?.status).toBe("verified");
          expect(replayed(manifest)).toEqual(Object.fromEntries(pointing));
          expect(manifest.history.slice(0, before.history.length)).toEqual(before.history);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("are as before after any promote that is rolled back, whatever went before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), step, (steps, last) => {
        const before = steps.reduce(after, start);
        const { template, channel } = last;
        const promoted = after(before, { ...last, what: "promote" });
        fc.pre(promoted !== before && before.channels[template]?.[channel] !== undefined);
        const back = after(promoted, { ...last, what: "rollback" });
        expect(back.channels).toEqual(before.channels);
        expect(rollbackTarget(back, template, channel)).toBe(rollbackTarget(before, template, channel));
      }),
      { numRuns: 300 },
    );
  });

  it("are as before after a promote that is rolled back", () => {
    const versions = ["0.20.0", "0.26.0", "0.38.0", "0.46.0"];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...versions), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(...versions),
        (promoted, last) => {
          const start = manifestOf(...versions.map((version) => entryOf("debian", version)));
          const before = promoted.reduce(
            (manifest, version) => promote(manifest, [`debian@${version}-1`], "stable", facts),
            start,
          );
          const current = before.channels["debian"]?.["stable"];
          fc.pre(current !== `debian@${last}-1`);
          const after = rollback(
            promote(before, [`debian@${last}-1`], "stable", facts),
            ["debian"],
            "stable",
            facts,
          );
          expect(after.channels).toEqual(before.channels);
          expect(rollbackTarget(after, "debian", "stable")).toBe(rollbackTarget(before, "debian", "stable"));
        },
      ),
      { numRuns: 200 },
    );
  });
});
