import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRetention, retentionPlan } from "../../../src/manifest/versions/retention";
import { rollback } from "../../../src/manifest/channels/rollback";
import { withTemporaryFolder } from "../../../src/support/files/files";
import type { ManifestEntry } from "../../../src/manifest/entry";
import { deploymentOf, entryOf, manifestOf, promote } from "./fixture";

const now = Date.parse("2026-06-01T00:00:00.000Z");
const facts = { at: "2026-02-01T00:00:00.000Z", by: "x" };
const versions = ["0.10.0", "0.11.0", "0.12.0", "0.13.0", "0.14.0", "0.15.0"];

describe("the rules", () => {
  const ruled = async (text: string): ReturnType<typeof readRetention> =>
    withTemporaryFolder("retention", async (folder) => {
      writeFileSync(join(folder, "retention.toml"), text);
      return readRetention(join(folder, "retention.toml"));
    });

  it("name the field that is wrong, or the line that is not TOML", async () => {
    expect(await ruled("keep_last = 2")).toEqual({ keepLast: 2, keepYoungerThanDays: 30 });
    await expect(ruled("keep_last = 0")).rejects.toThrow(/retention\.toml: keep_last: \w/u);
    await expect(ruled("keep_last =")).rejects.toThrow(/retention\.toml: Invalid TOML/u);
  });
});

describe("what gc keeps", () => {
  let manifest = manifestOf(...versions.map((version) => entryOf("debian", version)));
  manifest = promote(manifest, ["debian@0.10.0-1"], "stable", facts);
  manifest = promote(manifest, ["debian@0.12.0-1"], "stable", facts);

  it("is what channels point at, what they would go back to, the last ones and the young ones", () => {
    const plan = retentionPlan(manifest, { keepLast: 2, keepYoungerThanDays: 30 }, now);
    expect(plan.map((verdict) => [verdict.entry.mesaVersion, verdict.keep])).toEqual([
      ["0.15.0", true],
      ["0.14.0", true],
      ["0.13.0", false],
      ["0.12.0", true],
      ["0.11.0", false],
      ["0.10.0", true],
    ]);
  });

  it("is everything that is younger than the limit", () => {
    expect(
      retentionPlan(manifest, { keepLast: 1, keepYoungerThanDays: 365 }, now).every(
        (verdict) => verdict.keep,
      ),
    ).toBe(true);
  });

  it("is not pushed out by versions that failed or were revoked", () => {
    const withFailures = manifestOf(
      entryOf("debian", "0.10.0"),
      entryOf("debian", "0.11.0", 1, "failed"),
      entryOf("debian", "0.12.0", 1, "revoked"),
    );
    const plan = retentionPlan(withFailures, { keepLast: 1, keepYoungerThanDays: 0 }, now);
    expect(plan.filter(({ keep }) => keep).map(({ entry }) => entry.mesaVersion)).toEqual(["0.10.0"]);
  });

  it("has an unknown age", () => {
    const odd = { ...entryOf("debian", "0.10.0", 1, "failed"), createdAt: "once" };
    const [verdict] = retentionPlan(manifestOf(odd), { keepLast: 1, keepYoungerThanDays: 0 }, now);
    expect(verdict).toMatchObject({ keep: true, why: "its age is unknown" });
  });

  it("is asked for the workspace in use: age and the last ones are its own", () => {
    const inBoth = (version: string, staging: string, prod: string): ManifestEntry => {
      const entry = entryOf("debian", version);
      const of = (workspace: string, deployedAt: string) => ({
        [workspace]: { ...deploymentOf("debian", version, 1, workspace), deployedAt },
      });
      const deployments = {
        ...(staging === "" ? {} : of("staging", staging)),
        ...(prod === "" ? {} : of("prod", prod)),
      };
      return { ...entry, deployments };
    };
    const [old, young] = ["2026-01-01T00:00:00.000Z", "2026-05-31T00:00:00.000Z"];
    const both = manifestOf(
      inBoth("0.10.0", young, old),
      inBoth("0.11.0", old, old),
      inBoth("0.12.0", old, ""),
      inBoth("0.13.0", old, ""),
    );
    const kept = (workspace?: string): readonly string[] =>
      retentionPlan(both, { keepLast: 1, keepYoungerThanDays: 30 }, now, workspace)
        .filter(({ keep }) => keep)
        .map(({ entry }) => entry.mesaVersion);
    expect(kept("staging")).toEqual(["0.13.0", "0.10.0"]);
    // What only staging holds pushes nothing out of prod.
    expect(kept("prod")).toEqual(["0.13.0", "0.12.0", "0.11.0"]);
    expect(kept()).toEqual(["0.13.0", "0.10.0"]);
  });

  it("is what a rollback in the workspace in use goes back to, though others would not go that far", () => {
    const at = (version: string, ...workspaces: readonly string[]): ManifestEntry => ({
      ...entryOf("debian", version),
      deployments: Object.fromEntries(
        workspaces.map((name) => [name, deploymentOf("debian", version, 1, name)]),
      ),
    });
    const ids = ["debian@0.10.0-1", "debian@0.11.0-1", "debian@0.12.0-1"];
    const three = manifestOf(at("0.10.0", "ws", "prod"), at("0.11.0", "ws"), at("0.12.0", "ws", "prod"));
    const both = ids.reduce((before, id) => promote(before, [id], "stable", facts), three);
    const inProd = { templates: ["debian"], channel: "stable", workspace: "prod" };
    const back = rollback(both, inProd, facts);
    expect(back.channels["debian"]).toEqual({ stable: "debian@0.10.0-1" });
    const plan = retentionPlan(both, { keepLast: 1, keepYoungerThanDays: 0 }, now, "prod");
    expect(plan.filter(({ keep }) => keep).map(({ entry }) => entry.id)).toEqual(ids.toReversed());
  });

  it("is not looked at again once it was removed", () => {
    const after = {
      ...manifest,
      versions: {
        ...manifest.versions,
        "debian@0.11.0-1": { ...entryOf("debian", "0.11.0"), status: "removed" as const },
      },
    };
    expect(
      retentionPlan(after, { keepLast: 1, keepYoungerThanDays: 0 }, now).map(
        (verdict) => verdict.entry.mesaVersion,
      ),
    ).not.toContain("0.11.0");
  });
});
