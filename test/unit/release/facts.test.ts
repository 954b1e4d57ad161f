import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parseLock, sealed, writeLock } from "../../../src/lock/index";
import { gatherFacts } from "../../../src/release/facts";
import { isEmpty, planRelease, type Step } from "../../../src/release/plan";
import { lockedAndRendered } from "../../../src/release/smoke";
import type { PlanRequest } from "../../../src/release/request";
import { paths } from "../../../src/support/files/paths";
import { fileHost } from "../manifest/host";
import { requestFor, runIn } from "./fixture/request";

const REPOSITORY = resolve(import.meta.dirname, "../../..");
const VERSION = "0.20.0";
const GOLDEN = join(REPOSITORY, `test/golden/debian/${VERSION}/lock.json`);
const work = mkdtempSync(join(tmpdir(), "facts-"));

describe("the lock step of a release", () => {
  let root = "";
  beforeEach(async () => {
    root = mkdtempSync(join(work, "root-"));
    cpSync(join(REPOSITORY, "templates"), join(root, "templates"), { recursive: true });
    await writeLock(
      paths(root).lockFile("debian", VERSION),
      sealed(parseLock(readFileSync(GOLDEN, "utf8"), GOLDEN)),
    );
  });
  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
  });

  const edit = (file: string, from: RegExp, to: string): void => {
    const path = join(root, "templates", file);
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(from);
    writeFileSync(path, text.replace(from, to));
  };
  const step = async (changes: Partial<PlanRequest> = {}): Promise<Step | undefined> => {
    const { facts } = await gatherFacts(runIn(root, fileHost("r")), requestFor(changes), "debian");
    const plan = planRelease(facts);
    expect(isEmpty(plan)).toBe(false);
    return plan.steps.find(({ stage }) => stage === "lock");
  };

  it.each([
    ["SIGN_WITHOUT_REGISTRY", { signer: { kind: "cosign", id: "cosign" } as const }],
    ["SIGN_WITHOUT_REGISTRY", { signer: { kind: "cosign", id: "cosign" } as const, deploy: false }],
    ["PUBLISH_TWICE", { publish: "push", registry: "registry.example.com/acme" } as const],
  ])("refuses a contradiction before anything is planned: %s", async (code, changes) => {
    await expect(step(changes)).rejects.toMatchObject({ code, kind: "usage" });
  });

  it("reuses a lock that stands for what is named", async () => {
    expect(await step()).toMatchObject({ action: "reuse" });
  });

  it.each([
    ["debian", "0.26.0"],
    ["agent", VERSION],
  ])("resolves anew where the lock came with a copied folder: %s %s", async (template, version) => {
    const folders = paths(root);
    if (template !== "debian")
      cpSync(folders.template("debian"), folders.template(template), { recursive: true });
    cpSync(folders.project("debian", VERSION), folders.project(template, version), { recursive: true });
    const { facts, rendered } = await gatherFacts(
      runIn(root, fileHost("r")),
      requestFor({ version }),
      template,
    );
    const [lock] = planRelease(facts).steps;
    expect([rendered, lock]).toEqual([undefined, expect.objectContaining({ action: "do" })]);
  });

  it.each<[string, string, RegExp, string, RegExp]>([
    [
      "base image",
      "debian/template.toml",
      /image = "[^"]+"/u,
      'image = "debian:trixie-slim"',
      /base image .*debian:bookworm-slim, .*debian:trixie-slim/u,
    ],
    ["further image", "debian/template.toml", /$/u, '\n[images.node]\nimage = "node:22"\n', /images\.node/u],
    ["sandbox-api", "upstream.toml", /sandbox:[\d.]+"/u, 'sandbox:0.9.9"', /sandbox-api .*sandbox:0\.9\.9/u],
  ])("resolves anew where another %s is named now, and says which", async (_what, file, from, to, why) => {
    edit(file, from, to);
    for (const more of [{}, { deploy: false }])
      expect(await step(more)).toMatchObject({ action: "do", why: expect.stringMatching(why) as string });
    await expect(step({ frozen: true })).rejects.toMatchObject({ code: "LOCK_CHECK_FAILED", kind: "usage" });
    let resolved = 0;
    const request = { ...requestFor(), template: "debian" };
    const lock = (): Promise<never> => {
      resolved += 1;
      return Promise.reject(new Error("resolved"));
    };
    await expect(lockedAndRendered(runIn(root, fileHost("r")), request, { lock })).rejects.toThrow(
      "resolved",
    );
    expect(resolved).toBe(1);
  });

  it("does not care for a mirror, nor for a missing upstream.toml", async () => {
    edit("upstream.toml", /$/u, '\n[mirrors]\nimages = "mirror.example.com"\n');
    expect(await step()).toMatchObject({ action: "reuse" });
    rmSync(paths(root).upstream);
    expect(await step()).toMatchObject({ action: "reuse" });
  });
});
