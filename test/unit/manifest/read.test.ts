import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { Failure } from "../../../src/support/errors";
import { parseManifest, readManifest } from "../../../src/manifest/read";
import { EMPTY_MANIFEST } from "../../../src/manifest/entry";
import { channelTarget } from "../../../src/manifest/channels/pointing";
import { inWorkspace } from "../../../src/manifest/versions/in-workspace";
import { checkManifest } from "../../../src/manifest/check";
import { deploymentOf, entryOf, manifestOf, promote } from "./fixture";

const good = canonicalJson(
  promote(
    manifestOf(entryOf("debian", "0.20.0"), entryOf("alpine", "0.20.0")),
    ["debian@0.20.0-1"],
    "stable",
    { at: "2026-02-01T00:00:00.000Z", by: "x" },
  ),
);

function refusal(text: string): Failure {
  try {
    parseManifest(text, "manifest.json");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("reading a manifest", () => {
  it("gives back what was written, unknown fields and a newer minor version included", () => {
    const newer = JSON.parse(good) as Record<string, unknown>;
    newer["schemaVersion"] = "2.7";
    newer["colour"] = { of: "the future" };
    (newer["versions"] as Record<string, Record<string, unknown>>)["debian@0.20.0-1"] = {
      ...entryOf("debian", "0.20.0"),
      extra: [1, 2],
    };
    expect(canonicalJson(parseManifest(JSON.stringify(newer), "m"))).toBe(canonicalJson(newer));
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
      good.replace('"schemaVersion": "2.0"', '"schemaVersion": "3.0"'),
      "MANIFEST_NEWER",
    ],
  ])("refuses %s, with the place", (_what, text, code) => {
    const found = refusal(text);
    expect([found.kind, found.code]).toEqual(["manifest", code]);
    expect(found.message).toMatch(/manifest\.json/u);
    expect(found.message).toMatch(/line \d+/u);
  });

  it("takes CRLF", () => {
    const { versions } = parseManifest(good.replaceAll("\n", "\r\n"), "m");
    expect(Object.keys(versions)).toHaveLength(2);
  });

  it("never throws anything else, whatever is in the file", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.nat({ max: good.length }).map((at) => good.slice(0, at)),
          fc
            .tuple(fc.nat({ max: good.length - 1 }), fc.string({ maxLength: 5 }))
            .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1)),
        ),
        (text) => {
          try {
            parseManifest(text, "m");
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("survives deep nesting", () => {
    expect(refusal("[".repeat(100_000)).kind).toBe("manifest");
  });

  it("refuses at once what is not a regular file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "manifest-read-"));
    try {
      const fifo = join(folder, "fifo");
      execFileSync("mkfifo", [fifo]);
      const device = join(folder, "device");
      symlinkSync("/dev/zero", device);
      for (const path of [folder, fifo, device])
        await expect(readManifest(path)).rejects.toMatchObject({
          kind: "manifest",
          code: "MANIFEST_UNREADABLE",
        });
      expect(await readManifest(join(folder, "none"))).toEqual(EMPTY_MANIFEST);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** A verified version as schema 1.0 had it. */
const oldEntry = {
  id: "debian@0.20.0-1",
  template: "debian",
  mesaVersion: "0.20.0",
  revision: 1,
  inputsDigest: "sha256:aa",
  status: "verified",
  image: { id: "sha256:bb", sizeBytes: 1000, layers: 3 },
  smoke: { passed: 24, failed: 0, skipped: 1, durationMs: 1000 },
  verification: { passed: 17, failed: 0, skipped: 0, durationMs: 900 },
  deployment: {
    workspace: "staging",
    sandbox: "mesa-debian",
    image: "sandbox/mesa-debian:abc",
    deployedAt: "2026-01-01T00:00:00.000Z",
    blVersion: "0.1.108",
  },
  failure: null,
  createdAt: "2025-12-31T00:00:00.000Z",
  createdBy: { commit: null, ci: null },
  colour: "blue",
};

function oldText(changes: object): string {
  const entry = { ...oldEntry, ...changes };
  return JSON.stringify({
    schemaVersion: "1.0",
    versions: { [entry.id]: entry },
    channels: { debian: { stable: entry.id } },
    history: [
      {
        template: "debian",
        channel: "stable",
        action: "promote",
        from: null,
        to: entry.id,
        at: "2026-01-02T00:00:00.000Z",
        by: "x",
      },
    ],
  });
}

describe("a manifest of schema 1.x", () => {
  it("is read: its deployment belongs to its workspace, and what was not recorded was not proven", () => {
    const manifest = parseManifest(oldText({}), "m");
    expect([manifest.schemaVersion, checkManifest(manifest)]).toEqual(["2.0", []]);
    const { deployment, verification, ...kept } = oldEntry;
    const unknown = { checksDigest: "unknown", mounted: false, notRun: [] };
    expect(manifest.versions["debian@0.20.0-1"]).toEqual({
      ...kept,
      smoke: { ...oldEntry.smoke, ...unknown, imageId: "unknown", inputsDigest: "sha256:aa" },
      deployments: {
        staging: {
          ...deployment,
          verification: { ...verification, ...unknown, image: deployment.image, at: deployment.deployedAt },
        },
      },
    });
    expect(manifest.channels).toEqual({ debian: { stable: "debian@0.20.0-1" } });
  });

  it("keeps a failure with the workspace it happened in", () => {
    const failure = { stage: "verify", code: "VERIFY_FAILED", message: "2 of 17 failed" };
    const verification = { passed: 15, failed: 2, skipped: 0, durationMs: 900 };
    const manifest = parseManifest(oldText({ status: "failed", failure, verification }), "m");
    const entry = manifest.versions["debian@0.20.0-1"];
    expect(entry?.failure).toEqual({ ...failure, workspace: "staging" });
    expect(entry === undefined ? undefined : inWorkspace(entry, "staging").status).toBe("failed");
  });

  it.each([
    ["verified without a deployment", { deployment: null }],
    ["verified without a verification", { verification: null }],
    ["failed without a failure", { status: "failed" }],
    ["revoked without a revocation", { status: "revoked" }],
    [
      "its image called latest",
      { deployment: { ...oldEntry.deployment, image: "sandbox/mesa-debian:latest" } },
    ],
  ])("is refused when a version is %s", (_what, changes) => {
    const found = refusal(oldText(changes));
    expect([found.code, found.message]).toEqual([
      "MANIFEST_CONTRADICTION",
      expect.stringContaining("debian@0.20.0-1"),
    ]);
  });

  it("keeps safe what has the name of something that objects inherit", () => {
    const constructor = parseManifest(
      oldText({ id: "constructor@0.20.0-1", template: "constructor" })
        .replace('"debian":', '"constructor":')
        .replace('"template":"debian","channel"', '"template":"constructor","channel"'),
      "m",
    );
    expect(Object.keys(constructor.versions)).toEqual(["constructor@0.20.0-1"]);
    expect(channelTarget(constructor, "constructor", "stable")).toBe("constructor@0.20.0-1");
    expect(channelTarget(constructor, "debian", "toString")).toBeUndefined();
  });

  it.each(["__proto__", "\\u005f_proto__"])("refuses the key %s anywhere", (key) => {
    expect(refusal(`{"schemaVersion":"1.0","versions":{"${key}":{}},"channels":{},"history":[]}`).kind).toBe(
      "manifest",
    );
    expect(refusal(good.replace('"history"', `"x": [{"${key}": 1}],\n  "history"`)).message).toContain(
      "__proto__",
    );
  });
});

describe("an entry that contradicts itself", () => {
  const entry = entryOf("debian", "0.20.0");
  const ws = deploymentOf("debian", "0.20.0");
  const passed = ws.verification;
  const at = (deployment: object): object => ({ deployments: { ws: { ...ws, ...deployment } } });
  it.each<[string, object, RegExp]>([
    ["another id", { id: "debian@0.20.0-2" }, /debian@0\.20\.0-2/u],
    ["another revision", { revision: 2 }, /debian@0\.20\.0-2/u],
    ["verified, nowhere deployed", { deployments: {} }, /claims to be verified/u],
    ["verified, not verified anywhere", at({ verification: null }), /claims to be verified/u],
    ["verified, a check failed", at({ verification: { ...passed, failed: 1 } }), /claims to be verified/u],
    ["deployed, nowhere deployed", { status: "deployed", deployments: {} }, /claims to be deployed/u],
    ["smoked, and verified", { status: "smoked" }, /claims to be smoked/u],
    ["failed, without a failure", { status: "failed" }, /failed/u],
    ["revoked, without a revocation", { status: "revoked" }, /revoked/u],
    [
      "a revocation, and not revoked",
      { revocation: { reason: "r", at: "2026", by: "x" } },
      /has an active revocation/u,
    ],
    ["a latest image", at({ image: "sandbox/mesa-debian:latest" }), /not an immutable image/u],
    ["an image without a tag", at({ image: "sandbox/mesa-debian" }), /not an immutable image/u],
    ["another workspace", at({ workspace: "prod" }), /names the workspace prod/u],
    [
      "a verification of another image",
      at({ verification: { ...passed, image: "sandbox/x:y" } }),
      /another image/u,
    ],
    ["smoke of another image", { smoke: { ...entry.smoke, imageId: "sha256:cc" } }, /another image/u],
    ["smoke of other inputs", { smoke: { ...entry.smoke, inputsDigest: "sha256:cc" } }, /other inputs/u],
    ["smoke that failed", { smoke: { ...entry.smoke, failed: 1 } }, /smoke checks failed/u],
  ])("%s: is refused, by name", (_what, changes, words) => {
    const broken = { ...manifestOf(entry), versions: { [entry.id]: { ...entry, ...changes } } };
    const found = refusal(canonicalJson(broken));
    expect([found.code, found.message]).toEqual(["MANIFEST_CONTRADICTION", expect.stringMatching(words)]);
    expect(found.message).toContain("debian@0.20.0-1");
  });

  it.each([
    ["nothing", manifestOf(), /does not exist/u],
    ["another template's version", manifestOf({ ...entryOf("alpine", "0.20.0") }), /does not exist/u],
    [
      "a version that was never deployed",
      manifestOf(entryOf("debian", "0.20.0", 1, "smoked")),
      /never deployed/u,
    ],
  ])("a channel that points at %s is refused", (_what, manifest, words) => {
    const found = refusal(canonicalJson({ ...manifest, channels: { debian: { stable: entry.id } } }));
    expect(found.message).toMatch(words);
  });
});
