import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../src/support/canonical-json";
import { Failure } from "../../../src/support/errors";
import { manifestSchema } from "../../../src/manifest/schema";
import { hasManifestShape } from "../../../src/manifest/quick-shape";
import { parseManifest } from "../../../src/manifest/read";
import { checkManifest } from "../../../src/manifest/check";
import { promote } from "../../../src/manifest/promote";
import { entryOf, manifestOf } from "./fixture";

const good = canonicalJson(
  promote(
    manifestOf(entryOf("debian", "0.20.0"), entryOf("alpine", "0.20.0")),
    ["debian@0.20.0-1"],
    "stable",
    { at: "2026-02-01T00:00:00.000Z", by: "x" },
  ),
);

async function refusal(text: string): Promise<Failure> {
  try {
    await parseManifest(text, "manifest.json");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("reading a manifest", () => {
  it("gives back what was written, unknown fields and a newer minor version included", async () => {
    const newer = JSON.parse(good) as Record<string, unknown>;
    newer["schemaVersion"] = "1.7";
    newer["colour"] = { of: "the future" };
    (newer["versions"] as Record<string, Record<string, unknown>>)["debian@0.20.0-1"] = {
      ...entryOf("debian", "0.20.0"),
      extra: [1, 2],
    };
    expect(canonicalJson(await parseManifest(JSON.stringify(newer), "m"))).toBe(canonicalJson(newer));
  });

  it.each([
    ["conflict markers", good.replace('\n  "versions"', '\n<<<<<<< HEAD\n  "versions"'), "MANIFEST_CONFLICT"],
    ["a byte order mark", `\uFEFF${good}`, "MANIFEST_UNREADABLE"],
    ["a truncated file", good.slice(0, good.length / 2), "MANIFEST_UNREADABLE"],
    ["an empty file", "", "MANIFEST_UNREADABLE"],
    ["a list", "[]", "MANIFEST_UNREADABLE"],
    ["a wrong type", good.replace('"revision": 1', '"revision": "1"'), "MANIFEST_UNREADABLE"],
    [
      "an id that stands there twice",
      '{"schemaVersion":"1.0","channels":{},"history":[],"versions":{"a@1.0.0-1":{},"a@1.0.0-1":{}}}',
      "MANIFEST_UNREADABLE",
    ],
    [
      "a newer major version",
      good.replace('"schemaVersion": "1.0"', '"schemaVersion": "2.0"'),
      "MANIFEST_NEWER",
    ],
  ])("refuses %s, with the place", async (_what, text, code) => {
    const found = await refusal(text);
    expect([found.kind, found.code]).toEqual(["manifest", code]);
    expect(found.message).toMatch(/manifest\.json/u);
    expect(found.message).toMatch(/line \d+/u);
  });

  it("takes CRLF", async () => {
    const { versions } = await parseManifest(good.replaceAll("\n", "\r\n"), "m");
    expect(Object.keys(versions)).toHaveLength(2);
  });

  it("never throws anything else, whatever is in the file", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.nat({ max: good.length }).map((at) => good.slice(0, at)),
          fc
            .tuple(fc.nat({ max: good.length - 1 }), fc.string({ maxLength: 5 }))
            .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1)),
        ),
        async (text) => {
          try {
            await parseManifest(text, "m");
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("survives deep nesting", async () => {
    expect((await refusal("[".repeat(100_000))).kind).toBe("manifest");
  });

  it("migrates schema 0.9", async () => {
    const old = {
      schemaVersion: "0.9",
      versions: [entryOf("debian", "0.20.0")],
      channels: { "debian/stable": "debian@0.20.0-1" },
    };
    const manifest = await parseManifest(JSON.stringify(old), "m");
    expect(manifest.channels).toEqual({ debian: { stable: "debian@0.20.0-1" } });
    expect(manifest.versions["debian@0.20.0-1"]?.status).toBe("verified");
    expect(manifest.schemaVersion).toBe("1.0");
    expect(checkManifest(manifest)).toEqual([]);
  });
});

describe("the quick look at a manifest's shape", () => {
  const junk = fc.oneof(
    fc.constant(null),
    fc.constant("x"),
    fc.constant(1),
    fc.constant([]),
    fc.constant({}),
    fc.boolean(),
  );

  it("never takes what the schema refuses", () => {
    const paths = [
      "id",
      "revision",
      "status",
      "image",
      "smoke",
      "verification",
      "deployment",
      "failure",
      "createdAt",
      "createdBy",
      "inputsDigest",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), junk, (key, value) => {
        const manifest = {
          ...manifestOf(),
          versions: { "debian@0.20.0-1": { ...entryOf("debian", "0.20.0"), [key]: value } },
        };
        if (hasManifestShape(manifest)) expect(manifestSchema.safeParse(manifest).success).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("takes what the program writes", () => {
    expect(hasManifestShape(JSON.parse(good))).toBe(true);
  });
});
