import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseLock } from "../../../../src/lock/index";
import type { Measured, MeasuredFile } from "../../../../src/record/record";
import { measuredVersion, recordOfImage, writeRecord } from "../../../../src/record/store";
import { whatIsNew } from "../../../../src/release/stages/refresh";

const GOLDEN = resolve(import.meta.dirname, "../../../golden/debian/0.20.0/lock.json");
const nothing = { env: {}, entrypoint: [], cmd: [], user: "", workdir: "", ports: [], distribution: "" };
const record: Measured["record"] = {
  schemaVersion: 1,
  id: "debian@0.20.0-1",
  template: "debian",
  mesaVersion: "0.20.0",
  revision: 1,
  inputsDigest: "sha256:a",
  smoke: [],
  rendered: {},
  image: { id: "sha256:b", sizeBytes: 1, layers: [], ...nothing },
  packages: [{ manager: "dpkg", name: "libssl3", version: "3.0.15", architecture: "amd64" }],
  lock: parseLock(readFileSync(GOLDEN, "utf8"), GOLDEN),
};

const file = (path: string, content: string): MeasuredFile => ({
  path,
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 1,
  content,
});
const withFiles = (...files: readonly MeasuredFile[]): Measured => ({ record, files });

describe("what a refresh finds", () => {
  it.each([
    "/var/log/dpkg.log",
    "/var/cache/ldconfig/aux-cache",
    "/etc/shadow",
    "/usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc",
    "/root/.npm/_logs/2026-01-01T00_00_00_000Z-debug-0.log",
  ])("is nothing where only %s is another one", (path) => {
    expect(whatIsNew(withFiles(file(path, "a")), withFiles(file(path, "b")))).toBe("");
    expect(whatIsNew(withFiles(), withFiles(file(path, "b")))).toBe("");
  });

  it("is a file that is another one, or is gone, or may be used by others now", () => {
    const before = withFiles(file("/usr/local/bin/tool", "a"));
    for (const after of [
      withFiles(file("/usr/local/bin/tool", "b")),
      withFiles(),
      withFiles({ ...file("/usr/local/bin/tool", "a"), mode: 0o4755 }),
    ])
      expect(whatIsNew(before, after)).toBe("/usr/local/bin/tool");
  });

  it("is the packages that moved, not their files", () => {
    const before = withFiles(file("/usr/lib/libssl.so.3", "a"));
    const after = withFiles(file("/usr/lib/libssl.so.3", "b"));
    const packages = record.packages.map((one) => ({ ...one, version: "3.0.16" }));
    const moved = { ...after, record: { ...record, packages } };
    expect(whatIsNew(before, moved)).toBe("libssl3: 3.0.15 → 3.0.16");
  });

  it("is what the base image sets otherwise", () => {
    const after = { files: [], record: { ...record, image: { ...record.image, user: "node" } } };
    expect(whatIsNew({ files: [], record }, after)).toBe("user: root → node");
  });
});

it("a record of another build is none of a version: neither to compare with, nor to show or scan", async () => {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-record-"));
  try {
    await writeRecord(root, withFiles(), {});
    expect(await recordOfImage(root, record)).toEqual(withFiles());
    const built = { ...record, image: { id: "sha256:other" } };
    expect(await recordOfImage(root, built)).toBeUndefined();
    await expect(measuredVersion(root, built)).rejects.toMatchObject({ code: "NOT_MEASURED" });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
