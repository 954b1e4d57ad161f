import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../../src/manifest/check";
import { promote } from "../../../src/manifest/promote";
import { revoke } from "../../../src/manifest/revoke";
import { rollback, rollbackTarget } from "../../../src/manifest/rollback";
import type { Manifest } from "../../../src/manifest/entry";
import { Failure } from "../../../src/support/errors";
import { entryOf, manifestOf } from "./fixture";

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

  it("keep their invariants under any sequence of operations", () => {
    const versions = ["0.20.0", "0.26.0", "0.38.0"];
    const step = fc.record({
      what: fc.constantFrom("promote", "rollback", "revoke"),
      version: fc.constantFrom(...versions),
      template: fc.constantFrom("debian", "alpine"),
      channel: fc.constantFrom("stable", "canary"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let manifest: Manifest = manifestOf(
          ...versions.flatMap((version) => [entryOf("debian", version), entryOf("alpine", version)]),
        );
        steps.forEach(({ what, version, template, channel }, index) => {
          const now = { at: new Date(1_800_000_000_000 + index).toISOString(), by: "x" };
          const id = `${template}@${version}-1`;
          const before = manifest;
          try {
            if (what === "promote") manifest = promote(manifest, [id], channel, now);
            else if (what === "rollback") manifest = rollback(manifest, [template], channel, now);
            else manifest = revoke(manifest, id, { ...now, reason: "r" }, true);
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
            expect(manifest).toBe(before);
          }
          expect(checkManifest(manifest)).toEqual([]);
          for (const ids of Object.values(manifest.channels))
            for (const target of Object.values(ids))
              expect(manifest.versions[target]?.status).not.toBe("revoked");
        });
      }),
      { numRuns: 150 },
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
