import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkLock, type LockExpectation } from "../../../src/lock/check-lock";
import { parseLock, sealed } from "../../../src/lock/lock-file";
import type { Lock } from "../../../src/lock/lock";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { makeKey } from "./fixture/signed-repository";
import { settingsFor, upstreamWorld, type UpstreamWorld } from "./fixture/upstream-world";

let world: UpstreamWorld;
let lock: Lock;
let expected: LockExpectation;

beforeAll(async () => {
  world = await upstreamWorld(await makeKey());
  lock = await world.lock();
  const settings = settingsFor("docker.io/library/debian:bookworm-slim");
  expected = {
    template: "debian",
    mesaVersion: "0.20.0",
    settings,
    upstream: await world.upstream(),
    path: "lock.json",
  };
});
afterAll(() => world.close());

const problems = (text: string | undefined, other: Partial<LockExpectation> = {}): readonly string[] =>
  checkLock(text, { ...expected, ...other }).map(({ problem }) => problem);

describe("checking a lock", () => {
  it("finds nothing wrong with one that was just made", () => {
    expect(checkLock(canonicalJson(lock), expected)).toEqual([]);
  });

  it("reports a missing file, and one that is not a lock", () => {
    expect(problems(undefined)).toEqual(["missing"]);
    expect(problems("{")).toEqual(["invalid"]);
    expect(problems(canonicalJson({ ...lock, extra: 1 }))).toEqual(["invalid"]);
    expect(problems(canonicalJson({ ...lock, base: { ...lock.base, digest: "sha256:12" } }))).toEqual([
      "invalid",
    ]);
  });

  it("is removed, not relocked, where it cannot be read, and its problem is one line", () => {
    const conflict = `<<<<<<< HEAD\n${canonicalJson(lock)}`;
    expect(() => parseLock(conflict, "lock.json")).toThrow(
      expect.objectContaining({
        message: expect.not.stringContaining("\n") as string,
        hint: expect.stringContaining("remove it and resolve it again") as string,
      }),
    );
  });

  it("sees that it was edited by hand", () => {
    const changed = { ...lock, deb: { ...lock.deb, sha256: "0".repeat(64) } };
    expect(problems(canonicalJson(changed))).toEqual(["edited"]);
    expect(problems(canonicalJson({ ...lock, integrity: undefined }))).toEqual(["edited"]);
    expect(problems(JSON.stringify(lock))).toEqual(["edited"]);
  });

  it.each<[string, () => Partial<LockExpectation>, string]>([
    ["another template", () => ({ template: "alpine" }), "template"],
    ["another version", () => ({ mesaVersion: "0.38.0" }), "mesa-version"],
    ["another base image", () => ({ settings: settingsFor("docker.io/library/debian:trixie-slim") }), "base"],
    [
      "another digest of it",
      () => ({ settings: settingsFor(`docker.io/library/debian:bookworm-slim@sha256:${"1".repeat(64)}`) }),
      "base",
    ],
    [
      "another sandbox-api",
      () => ({
        upstream: { ...expected.upstream, sandboxApi: { image: "ghcr.io/blaxel-ai/sandbox:0.2.51" } },
      }),
      "sandbox-api",
    ],
    [
      "another repository",
      () => ({
        upstream: {
          ...expected.upstream,
          mesa: { ...expected.upstream.mesa, repository: "https://elsewhere.example.com" },
        },
      }),
      "package",
    ],
    [
      "another voucher",
      () => ({
        upstream: { ...expected.upstream, mesa: { ...expected.upstream.mesa, vouched: "first-download" } },
      }),
      "voucher",
    ],
    [
      "another key",
      () => ({
        upstream: { ...expected.upstream, mesa: { ...expected.upstream.mesa, fingerprint: "0".repeat(40) } },
      }),
      "voucher",
    ],
    [
      "a snapshot",
      () => ({
        upstream: {
          ...expected.upstream,
          snapshot: { url: "https://snapshot.example.com", at: "20260401T000000Z" },
        },
      }),
      "snapshot",
    ],
  ])("sees that upstream.toml or template.toml now say %s", (_what, other, problem) => {
    expect(problems(canonicalJson(lock), other())).toEqual([problem]);
  });

  it.each(["/../evil", "/%2e%2e/evil", "/..%2fevil", "/..\\evil"])(
    "sees that a .deb's address leaves the repository by %s, though the lock is sealed",
    (path) => {
      const { repository } = expected.upstream.mesa;
      const url = `${repository}${path}/mesa.deb`;
      expect(problems(canonicalJson(sealed({ ...lock, deb: { ...lock.deb, url } })))).toEqual(["package"]);
    },
  );

  it("sees another CLI generation than the version's", () => {
    expect(problems(canonicalJson(sealed({ ...lock, generation: "layout" })))).toEqual(["generation"]);
  });

  it("takes the short name of a base image for its full one", () => {
    expect(problems(canonicalJson(lock), { settings: settingsFor("debian:bookworm-slim") })).toEqual([]);
    const withDigest = settingsFor(`debian:bookworm-slim@${lock.base.digest}`);
    expect(problems(canonicalJson(lock), { settings: withDigest })).toEqual([]);
  });
});
