import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { Image } from "../../../src/build/image";
import type { ManifestEntry } from "../../../src/manifest/entry";
import type { Smoked } from "../../../src/release/proof/evidence";
import { isEmpty, planRelease, type Facts, type Plan } from "../../../src/release/plan";
import type { PlanRequest } from "../../../src/release/request";
import { deploymentOf, entryOf } from "../manifest/fixture";
import { requestFor } from "./fixture/request";

const INPUTS = `sha256:${"a".repeat(64)}`;
const IMAGE = `sha256:${"b".repeat(64)}`;
const CHECKS = `sha256:${"c".repeat(64)}`;
const OTHER = `sha256:${"d".repeat(64)}`;

/** Facts, and what is asked for: flags of the release. */
type Question = Partial<Facts> & { readonly asked?: Partial<PlanRequest> };

const facts = ({ asked = {}, ...changes }: Question = {}): Facts => ({
  request: requestFor(asked),
  template: "debian",
  staleLock: [],
  inputsDigest: INPUTS,
  folderDiffers: [],
  budgetMegabytes: 400,
  checksDigest: CHECKS,
  workspace: "ws",
  entries: [],
  channels: {},
  kept: {},
  cannotRun: [],
  image: undefined,
  done: [],
  ...changes,
});

const image = (id: string): Image => ({
  template: "debian",
  mesaVersion: "0.20.0",
  id,
  reference: "mesa-template/debian:0.20.0",
  sizeBytes: 1,
  layers: [],
  inputsDigest: INPUTS,
  builder: "buildkit",
});

const smoked = (changes: Partial<ManifestEntry["smoke"]> = {}): Smoked => ({
  image: image(changes.imageId ?? IMAGE),
  smoke: { ...verified.smoke, imageId: IMAGE, inputsDigest: INPUTS, checksDigest: CHECKS, ...changes },
  checks: [],
});

/** The actions of a plan in one line: what is done in capitals, what is reused in small letters; what is skipped is left out. */
function said(plan: Plan): string {
  return plan.steps
    .filter(({ action }) => action !== "skip")
    .map(({ stage, action }) => (action === "do" ? stage.toUpperCase() : stage))
    .join(" ");
}

const verified = entryOf("debian", "0.20.0");
const smokedOnly = entryOf("debian", "0.20.0", 1, "smoked");
const skippedThere: ManifestEntry = {
  ...verified,
  smoke: { ...verified.smoke, skipped: 1, mounted: false, notRun: ["Mesa mounts"] },
};
/** A verified version, with other evidence. */
const entryWith = (changes: Partial<ManifestEntry["smoke"]>): ManifestEntry => ({
  ...verified,
  smoke: { ...verified.smoke, ...changes },
  deployments: Object.fromEntries(
    Object.entries(verified.deployments).map(([name, { verification, ...deployment }]) => [
      name,
      { ...deployment, verification: verification && { ...verification, ...changes } },
    ]),
  ),
});
const signer = (id: string): PlanRequest["signer"] => ({ kind: "cosign", id: id as "cosign" });
const PUBLISH = { registry: "registry.example/boxes", private: false, name: "debian" };
const DIGEST = `sha256:${"e".repeat(64)}`;
const published: ManifestEntry = {
  ...verified,
  image: {
    ...verified.image,
    registryReference: "registry.example/boxes/debian:0.20.0-1",
    registryDigest: DIGEST,
    signedBy: "sha256:key",
  },
  deployments: Object.fromEntries(
    Object.entries(verified.deployments).map(([name, deployment]) => [
      name,
      { ...deployment, registryDigest: DIGEST },
    ]),
  ),
};
const over = "lock render BUILD SMOKE deploy verify RECORD";
const whole = "lock render BUILD SMOKE DEPLOY VERIFY RECORD";

describe("what is left to do", () => {
  it.each<[string, Question, string]>([
    ["nothing is there", { inputsDigest: undefined }, "LOCK RENDER BUILD SMOKE DEPLOY VERIFY RECORD"],
    ["only the lock is there", {}, whole],
    ["all is proven", { entries: [verified] }, "lock render"],
    [
      "all is proven, with more checks than these",
      { entries: [entryWith({ checksDigest: OTHER, ownChecksDigest: CHECKS })] },
      "lock render",
    ],
    [
      "all is proven, and more checks are asked for",
      {
        entries: [entryWith({ checksDigest: OTHER, ownChecksDigest: CHECKS })],
        checksDigest: INPUTS,
        ownChecksDigest: CHECKS,
      },
      over.replace("deploy verify", "deploy VERIFY"),
    ],
    [
      "somebody edited the folder",
      { entries: [verified], folderDiffers: ["Dockerfile differs"] },
      "lock RENDER",
    ],
    [
      "proven, not deployed",
      { entries: [smokedOnly], asked: { deploy: false, verify: false } },
      "lock render",
    ],
    ["--force", { entries: [verified], asked: { force: true } }, whole],
    ["--scan", { entries: [verified], asked: { scan: "high" } }, "lock render BUILD"],
    [
      "--refresh",
      { entries: [verified], asked: { refresh: true } },
      "LOCK RENDER BUILD SMOKE DEPLOY VERIFY RECORD",
    ],
    [
      "--refresh, and nothing is new",
      { entries: [verified], asked: { refresh: true }, done: ["lock"] },
      "lock render",
    ],
    [
      "--refresh, and something is new",
      { entries: [verified], asked: { refresh: true }, done: ["lock"], inputsDigest: OTHER },
      whole,
    ],
    [
      "the checks have changed",
      { entries: [verified], checksDigest: OTHER },
      "lock render BUILD SMOKE deploy VERIFY RECORD",
    ],
    ["the image is over its budget", { entries: [verified], budgetMegabytes: 0.0005 }, over],
    ["the kept image is over its budget", { kept: { smoke: smoked() }, budgetMegabytes: 0.0000001 }, whole],
    ["another workspace", { entries: [verified], workspace: "prod" }, whole],
    ["published", { entries: [published], publish: PUBLISH }, "lock render"],
    [
      "published, signed with this key",
      { entries: [published], publish: PUBLISH, asked: { signer: signer("sha256:key") } },
      "lock render",
    ],
    [
      "published, to be signed with another key",
      { entries: [published], publish: PUBLISH, asked: { signer: signer("cosign") } },
      "lock render smoke PUSH deploy verify RECORD",
    ],
    [
      "published, signed with another key by this run, and not recorded yet",
      {
        entries: [published],
        publish: PUBLISH,
        asked: { signer: signer("cosign") },
        done: ["push"],
        published: { reference: published.image.registryReference ?? "", digest: DIGEST },
        signed: "cosign",
      },
      "lock render smoke push deploy verify RECORD",
    ],
    [
      "published, another workspace",
      { entries: [published], publish: PUBLISH, workspace: "prod" },
      "lock render smoke push DEPLOY VERIFY RECORD",
    ],
    [
      "published, and what stands there was imported by an older digest",
      {
        entries: [{ ...published, image: { ...published.image, registryDigest: OTHER } }],
        publish: PUBLISH,
      },
      "lock render smoke push DEPLOY VERIFY RECORD",
    ],
    [
      "published, and this run built another image than the one in the registry",
      {
        entries: [published],
        publish: PUBLISH,
        workspace: "prod",
        image: image(OTHER),
        kept: { smoke: smoked({ imageId: OTHER }) },
        done: ["build"],
      },
      "lock render build smoke PUSH DEPLOY VERIFY RECORD",
    ],
    [
      "published, and another registry is named",
      {
        entries: [published],
        publish: { ...PUBLISH, registry: "other.example/boxes" },
        kept: { smoke: smoked() },
      },
      "lock render build smoke PUSH deploy verify RECORD",
    ],
    [
      "published there now, and the entry names the other registry",
      {
        entries: [published],
        publish: { ...PUBLISH, registry: "other.example/boxes" },
        kept: { smoke: smoked() },
        done: ["push"],
        published: { reference: "other.example/boxes/debian:0.20.0-1", digest: DIGEST },
      },
      "lock render smoke push deploy verify RECORD",
    ],
    [
      "published there now, and signed where the entry says",
      {
        entries: [published],
        publish: { ...PUBLISH, registry: "other.example/boxes" },
        kept: { smoke: smoked() },
        asked: { signer: signer("sha256:key") },
        published: { reference: "other.example/boxes/debian:0.20.0-1", digest: DIGEST },
      },
      "lock render smoke PUSH deploy verify RECORD",
    ],
    [
      "deployed from the source, and a registry is named",
      { entries: [verified], publish: PUBLISH, kept: { smoke: smoked() } },
      "lock render build smoke PUSH DEPLOY VERIFY RECORD",
    ],
    ["no workspace is known", { entries: [verified], workspace: undefined }, whole],
    ["other inputs", { entries: [verified], inputsDigest: OTHER }, whole],
    ["a check was skipped then", { entries: [skippedThere] }, "lock render BUILD SMOKE deploy verify RECORD"],
    [
      "a check was skipped then, and may be",
      { entries: [skippedThere], asked: { allowSkipped: true } },
      "lock render",
    ],
    ["killed after smoke", { kept: { smoke: smoked() } }, "lock render build smoke DEPLOY VERIFY RECORD"],
    ["killed after smoke, another image is built", { kept: { smoke: smoked() }, image: image(OTHER) }, whole],
    [
      "--force killed while it deployed",
      { entries: [verified], kept: { smoke: smoked(), isSent: true } },
      "lock render build smoke DEPLOY VERIFY RECORD",
    ],
    [
      "--force killed after it deployed",
      {
        entries: [verified],
        kept: {
          smoke: smoked(),
          deployment: { ...deploymentOf("debian", "0.20.0"), image: "sandbox/mesa-debian:newer" },
        },
      },
      "lock render build smoke deploy VERIFY RECORD",
    ],
    ["killed after smoke, other checks", { kept: { smoke: smoked({ checksDigest: OTHER }) } }, whole],
    ["a kept report of other inputs", { kept: { smoke: smoked({ inputsDigest: OTHER }) } }, whole],
    ["a kept report that failed", { kept: { smoke: smoked({ failed: 1 }) } }, whole],
    ["a kept report with a skipped check", { kept: { smoke: smoked({ skipped: 1 }) } }, whole],
    ["removed", { entries: [{ ...verified, status: "removed" }] }, whole],
    [
      "it failed in this workspace",
      {
        entries: [
          {
            ...verified,
            status: "failed",
            failure: { stage: "deploy", code: "X", message: "x", workspace: "ws" },
          },
        ],
      },
      whole,
    ],
    [
      "it failed in another workspace",
      {
        entries: [{ ...verified, failure: { stage: "deploy", code: "X", message: "x", workspace: "prod" } }],
      },
      "lock render",
    ],
  ])("%s", (_, changes, expected) => {
    expect(said(planRelease(facts(changes)))).toBe(expected);
  });

  it("takes no deployment of another workspace for this one's", () => {
    const kept = (workspace: string): Facts["kept"] => ({
      smoke: smoked(),
      deployment: { ...deploymentOf("debian", "0.20.0", 1, workspace), verification: null },
    });
    expect(said(planRelease(facts({ kept: kept("ws") })))).toContain("deploy VERIFY");
    expect(said(planRelease(facts({ kept: kept("prod") })))).toContain("DEPLOY VERIFY");
  });

  it("refuses inputs that were revoked, also where a newer revision has other ones", () => {
    const revoked = entryOf("debian", "0.20.0", 1, "revoked");
    const newer = { ...entryOf("debian", "0.20.0", 2), inputsDigest: OTHER };
    for (const entries of [[revoked], [revoked, newer]])
      expect(planRelease(facts({ entries })).refusal).toMatchObject({ code: "INPUTS_REVOKED" });
    expect(planRelease(facts({ entries: [revoked], inputsDigest: OTHER })).refusal).toBeUndefined();
  });

  it("refuses to replace an image that a channel points at by one that is not verified", () => {
    const force = { force: true, verify: false };
    const because = (question: Question): string | undefined =>
      planRelease(facts({ entries: [verified], channels: { stable: verified.id }, ...question })).refusal
        ?.code;
    expect(because({ asked: force })).toBe("DEPLOY_UNVERIFIED");
    expect(because({ asked: { verify: false }, kept: { isSent: true } })).toBe("DEPLOY_UNVERIFIED");
    for (const question of [
      { asked: { force: true } },
      { asked: { verify: false } },
      { asked: { ...force, deploy: false } },
      { asked: force, channels: { stable: "debian@0.20.0-2" } },
      { asked: force, workspace: "prod" },
      { asked: force, done: ["deploy" as const] },
    ])
      expect(because(question)).toBeUndefined();
  });

  it("refuses to begin where a check cannot run, and never where nothing is to be proven", () => {
    const cannotRun = [{ check: "Mesa mounts", why: "no credential" }];
    expect(planRelease(facts({ cannotRun })).refusal).toMatchObject({ code: "CHECKS_CANNOT_RUN" });
    expect(planRelease(facts({ cannotRun, asked: { allowSkipped: true } })).refusal).toBeUndefined();
    expect(isEmpty(planRelease(facts({ cannotRun, entries: [verified] })))).toBe(true);
  });

  it("is empty only where the entry shows image, checks and workspace of the question", () => {
    const digests = fc.constantFrom(INPUTS, OTHER);
    fc.assert(
      fc.property(
        fc.record({
          inputs: digests,
          checks: digests,
          image: digests,
          verifiedImage: fc.boolean(),
          workspace: fc.constantFrom("ws", "prod"),
          skipped: fc.nat(1),
          failed: fc.nat(1),
          deploy: fc.boolean(),
          verify: fc.boolean(),
          allowSkipped: fc.boolean(),
        }),
        (one) => {
          const deployment = deploymentOf("debian", "0.20.0");
          const entry: ManifestEntry = {
            ...verified,
            inputsDigest: one.inputs,
            image: { ...verified.image, id: one.image },
            smoke: {
              ...verified.smoke,
              imageId: INPUTS,
              inputsDigest: INPUTS,
              checksDigest: one.checks,
              skipped: one.skipped,
            },
            deployments: {
              ws: {
                ...deployment,
                verification: {
                  ...(deployment.verification ?? verified.smoke),
                  image: one.verifiedImage ? deployment.image : "sandbox/x:1",
                  at: "2026-01-01T00:00:00Z",
                  checksDigest: one.checks,
                  failed: one.failed,
                },
              },
            },
          };
          const { workspace, allowSkipped, deploy, verify } = one;
          const asked = facts({
            workspace,
            asked: { allowSkipped, deploy, verify },
            checksDigest: INPUTS,
            entries: [entry],
          });
          const proven = one.image === INPUTS && one.checks === INPUTS && (one.skipped === 0 || allowSkipped);
          const there = workspace === "ws" && one.failed === 0 && (!verify || one.verifiedImage);
          const expected = one.inputs === INPUTS && proven && (!deploy || there);
          expect(isEmpty(planRelease(asked))).toBe(expected);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
