import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "./program";
import { fault, faultsOff, resetWorld } from "./world";

const place = temporaryRoot();
const LOCK = join(place.root, "dockerfiles/debian/0.20.0/lock.json");

function lock(...more: readonly string[]): Promise<Ran> {
  return mesaTemplate(["lock", "0.20.0", "--template", "debian", "--root", place.root, "--json", ...more]);
}

interface Answer {
  readonly error: { readonly code: string; readonly message: string };
}

beforeAll(resetWorld);
afterEach(faultsOff);
afterAll(() => {
  place.remove();
});

describe("lock", () => {
  it.each([
    ["apt-unsigned", 4, "RELEASE_UNSIGNED", "signed"],
    ["apt-wrong-key", 4, "RELEASE_WRONG_KEY", "not with the pinned key"],
    ["apt-expired-key", 4, "RELEASE_KEY_EXPIRED", "no longer valid"],
    ["apt-expired-index", 4, "INDEX_EXPIRED", "was valid until"],
    ["apt-index-hash", 4, "INDEX_HASH_DIFFERS", "does not match the signed Release"],
    ["apt-deb-hash", 4, "DEB_HASH_DIFFERS", "but the index lists"],
    ["apt-deb-version", 4, "DEB_VERSION_DIFFERS", "but the index lists"],
    ["apt-http-redirect", 4, "REDIRECT_REFUSED", "another host over plain http"],
    ["registry-unknown-tag", 4, "IMAGE_NOT_FOUND", "has no image"],
    ["registry-wrong-bytes", 4, "REGISTRY_WRONG_BYTES", "does not match its digest"],
    ["registry-token-refused", 3, "REGISTRY_REFUSED", "token service"],
  ])("refuses %s with exit %i, and writes nothing", async (name, exit, code, says) => {
    // What was verified before is not asked for again.
    rmSync(join(place.root, ".mesa-template"), { recursive: true, force: true });
    await fault(name);
    const ran = await lock();
    const { error } = ran.json<Answer>();
    expect([ran.code, error.code, error.message]).toEqual([exit, code, expect.stringContaining(says)]);
    expect(existsSync(LOCK)).toBe(false);
  });

  it("refuses an index that is older than the lock's", async () => {
    const first = await lock();
    expect(first.code, first.stderr).toBe(0);
    await fault("apt-downgraded");
    const ran = await lock("--relock");
    expect([ran.code, ran.json<Answer>().error.code]).toEqual([4, "INDEX_DOWNGRADED"]);
    // What is locked stays in use, whatever the repository has become.
    expect((await lock()).code).toBe(0);
  });

  it("is not made by a frozen release, and one that was edited is not used by it", async () => {
    const empty = temporaryRoot();
    const release = ["release", "0.20.0", "--no-deploy", "--frozen", "--template", "debian", "--json"];
    const missing = await mesaTemplate([...release, "--root", empty.root]);
    expect([missing.code, missing.json<Answer>().error.code]).toEqual([2, "LOCK_CHECK_FAILED"]);
    expect(existsSync(join(empty.root, "dockerfiles/debian"))).toBe(false);
    empty.remove();
    const text = readFileSync(LOCK, "utf8");
    writeFileSync(LOCK, text.replace(/"size": \d+/u, '"size": 1'));
    const edited = await mesaTemplate([...release, "--root", place.root]);
    writeFileSync(LOCK, text);
    expect([edited.code, edited.json<Answer>().error.message]).toEqual([
      2,
      expect.stringContaining("the lock is missing, invalid or outdated"),
    ]);
  });
});
