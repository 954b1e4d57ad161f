import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bootstrapHint, bootstrapSteps } from "../../../src/sandbox/bootstrap";

const URL_OF_DEB = "https://packages.example/pool/m/mesa/mesa_0.47.0~rc.1_amd64.deb";
const BYTES = "a package";
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

const steps = bootstrapSteps(
  {
    mesaVersion: "0.47.0-rc.1",
    deb: {
      package: "mesa",
      version: "0.47.0~rc.1",
      architecture: "amd64",
      url: URL_OF_DEB,
      size: BYTES.length,
      sha256: SHA256,
      depends: "",
      vouched: { by: "first-download", downloadedAt: "2026-01-01T00:00:00Z" },
    },
  },
  "http://mirror.example/",
);
const step = (name: string): (typeof steps)[number] => {
  const found = steps.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no step ${name}`);
  return found;
};

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mesa-bootstrap-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs shell text where programs of the test's own come first, with /tmp below the test's folder. */
function run(
  text: string,
  programs: Readonly<Record<string, string>>,
): { code: number | null; said: string } {
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const env = { PATH: `${folder}:/usr/bin:/bin` };
  const result = spawnSync("sh", ["-c", text.replaceAll("/tmp/", `${folder}/`)], { env, encoding: "utf8" });
  return { code: result.status, said: result.stdout + result.stderr };
}

describe("the steps of bringing Mesa in", () => {
  it("never ask for libc6-compat or Alpine's package mesa", () => {
    const text = steps.map(({ script }) => script).join("\n");
    expect(text).not.toMatch(/libc6-compat|apk add[^;&]* mesa\b/u);
  });

  it("bring what the template brings", () => {
    const template = readFileSync(
      join(import.meta.dirname, "../../../templates/alpine/Dockerfile.hbs"),
      "utf8",
    );
    const wanted = /^RUN apk add --no-cache (.+?) \\$/mu.exec(template)?.[1]?.split(" ") ?? [];
    expect(wanted).toContain("gcompat");
    const brought = /apk add --no-cache ([^;]+);/u.exec(step("packages").script)?.[1]?.split(" ");
    expect(brought).toEqual(expect.arrayContaining(wanted));
  });

  it.each([
    ["dpkg", 1],
    ["ca-certificates|gcompat|libgcc|fuse3|openssl|curl|dpkg", 0],
  ])("ask apk for each package: with %s done is %i", (there, code) => {
    const apk = `case "$*" in ${there
      .split("|")
      .map((name) => `"info -e ${name}"`)
      .join("|")}) ;; *) exit 1 ;; esac`;
    expect(run(step("packages").done, { apk, curl: "", fusermount3: "" }).code).toBe(code);
  });

  it("fetch from the mirror, by a name that tells the contents", () => {
    const ran = run(step("fetch").script, { curl: 'for last; do :; done; echo "$last" > "$6"' });
    expect(ran).toEqual({ code: 0, said: "" });
    const file = readFileSync(join(folder, `mesa-${SHA256.slice(0, 16)}.deb`), "utf8");
    expect(file).toBe("http://mirror.example/pool/m/mesa/mesa_0.47.0~rc.1_amd64.deb\n");
  });

  it.each([
    ["mesa 0.47.0-rc.1", 0],
    ["mesa 0.47.0", 1],
    ["mesa 10.47.0-rc.1", 1],
    ["mesa 0.47.0-rc.11", 1],
  ])("take %j for the pinned one or not: %i", (says, code) => {
    expect(run(step("check the version").done, { mesa: `echo "${says}"` }).code).toBe(code);
  });

  it("ask a CLI that knows only the subcommand, too", () => {
    const mesa = `[ "$1" = version ] && echo 0.47.0-rc.1 || exit 2`;
    expect(run(step("install").done, { mesa }).code).toBe(0);
  });

  it("let through what was locked, and remove what was not", () => {
    const file = join(folder, `mesa-${SHA256.slice(0, 16)}.deb`);
    writeFileSync(file, BYTES);
    expect(run(step("check the hash").script, {}).code).toBe(0);
    writeFileSync(file, "something else");
    const ran = run(step("check the hash").script, {});
    expect([ran.code, existsSync(file)]).toEqual([1, false]);
    expect(bootstrapHint(ran.said)).toMatch(/differs from the lock/u);
  });

  it("say where they cannot work, and why", () => {
    const ran = run(step("system").script, { id: "echo 1000" });
    expect(ran.code).toBe(1);
    expect(ran.said).toMatch(/^user 1000 on .+: installing Mesa needs root/u);
    expect(run(step("system").done, { id: "echo 1000" }).code).toBe(1);
  });

  it("bring package lists when the .deb needs what is not there", () => {
    const apt = `echo "$*" >> ${folder}/calls; case "$*" in *update*) : > ${folder}/lists ;; *install*) [ -e ${folder}/lists ] ;; esac`;
    const file = join(folder, `mesa-${SHA256.slice(0, 16)}.deb`);
    writeFileSync(file, BYTES);
    expect(run(step("install").script, { "apt-get": apt, mesa: "" }).code).toBe(0);
    expect(readFileSync(join(folder, "calls"), "utf8").match(/(?<= )(install|update)(?= )/gu)).toEqual([
      "install",
      "update",
      "install",
    ]);
    expect(existsSync(file)).toBe(false);
  });
});

describe("what to do about a step that failed", () => {
  it.each([
    ["curl: (23) Failure writing output to destination", /--memory/u],
    ["tar: write error: No space left on device", /--memory/u],
    ["ERROR: Unable to lock database: Permission denied", /needs root/u],
    ["ERROR: Unable to lock database: Read-only file system", /file system is read-only/u],
    ["WARNING: fetching https://x/APKINDEX.tar.gz: temporary error (try again later)", /egress/u],
    ["curl: (6) Could not resolve host: packages.example", /egress/u],
    ["curl: (22) The requested URL returned error: 404", /no longer exists/u],
    [
      "ERROR: gcompat-1.1.0-r4: trying to overwrite lib/ld-linux-x86-64.so.2 owned by libc6-compat-1.2.5-r0.",
      /apk del libc6-compat/u,
    ],
    ["ERROR: unable to select packages:\n  gcompat (no such package):", /package sources/u],
    [
      "/tmp/mesa.deb: FAILED\nsha256sum: WARNING: 1 computed checksum did NOT match",
      /differs from the lock/u,
    ],
    ["what is this", /Read its message/u],
  ])("%s", (said, hint) => {
    expect(bootstrapHint(said)).toMatch(hint);
  });
});
