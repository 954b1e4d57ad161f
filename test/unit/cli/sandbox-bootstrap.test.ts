import { describe, expect, it } from "vitest";
import { versionToInstall } from "../../../src/cli/handlers/sandbox";
import { entryOf, manifestOf, promote } from "../manifest/fixture";

const facts = { at: "2026-03-01T00:00:00.000Z", by: "Ada" };
const manifest = manifestOf(
  entryOf("debian", "0.12.0"),
  entryOf("alpine", "0.20.0"),
  entryOf("debian", "0.26.0", 1, "smoked"),
  entryOf("debian", "0.38.0", 1, "failed"),
  entryOf("debian", "0.44.0", 1, "revoked"),
);

describe("the Mesa version that bootstrap installs", () => {
  it("is the newest one verified in the workspace, never a failed or revoked one", () => {
    const why = "the newest verified version in ws";
    expect(versionToInstall(manifest, "ws")).toEqual({ mesaVersion: "0.20.0", why });
  });

  it("is that of stable, if there is one", () => {
    const promoted = promote(manifest, ["debian@0.12.0-1"], "stable", facts);
    expect(versionToInstall(promoted, "ws")).toEqual({
      mesaVersion: "0.12.0",
      why: "which stable points at",
    });
  });

  it("is one that passed smoke where none is verified", () => {
    const why = "the newest version that passed smoke";
    expect(versionToInstall(manifest, "prod")).toEqual({ mesaVersion: "0.26.0", why });
  });

  it("is asked for where none is usable", () => {
    const revoked = manifestOf(entryOf("debian", "0.44.0", 1, "revoked"));
    expect(versionToInstall(revoked, undefined)).toBeUndefined();
  });
});
