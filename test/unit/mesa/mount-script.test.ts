import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mountPlan, type MountPlan } from "../../../src/mesa/mount-plan";
import { parseRepo, placeMounts } from "../../../src/mesa/mounts";
import { mountScript, proofScript, unmountScript } from "../../../src/mesa/mount-script";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mesa-mount-script-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function plan(version = "0.20.0"): MountPlan {
  return mountPlan({
    version,
    access: { org: "acme", apiUrl: "https://api.mesa.dev/v1" },
    mounts: placeMounts(version, "acme", [parseRepo("acme/demo", false)]),
    credential: "mesa_0123456789abcdef",
    base: `${folder}/m`,
  });
}

/** Runs a script where `mesa` is a program of the test's own. */
function run(script: string, mesa: string): { readonly code: number | null; readonly said: string } {
  writeFileSync(join(folder, "mesa"), `#!/bin/sh\n${mesa}\n`);
  chmodSync(join(folder, "mesa"), 0o755);
  const env = { ...plan().env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  const result = spawnSync("sh", ["-c", script], { env, encoding: "utf8", timeout: 15_000 });
  return { code: result.status, said: result.stdout + result.stderr };
}

describe("the mount script", () => {
  it("ends with 41 and mesa's own words when mesa refuses", () => {
    const ran = run(mountScript(plan(), "/nowhere"), "echo 'Configuration is invalid.' >&2; exit 1");
    expect(ran).toEqual({ code: 41, said: "Configuration is invalid.\n" });
  });

  it("exits with 48 when mesa does not return, and keeps its background process running", () => {
    expect(run(mountScript(plan(), "/nowhere", 1), "exec sleep 10")).toEqual({
      code: 48,
      said: "mesa did not return within 1 s\n",
    });
    const daemon = `(sleep 1.3; : > ${folder}/alive) > /dev/null 2>&1 & exit 1`;
    expect(run(mountScript(plan(), "/nowhere", 1), daemon).code).toBe(41);
    spawnSync("sleep", ["1.5"]);
    expect(existsSync(`${folder}/alive`)).toBe(true);
  });

  it("gives mesa the credential by its environment, and leaves nothing readable for others", () => {
    const ran = run(mountScript(plan(), "/nowhere"), 'echo "$MESA_ORGS $*"; umask; exit 1');
    expect(ran.said).toBe("acme:mesa_0123456789abcdef mount -d -y\n0077\n");
  });

  it("exits with 46 without a mount", () => {
    expect(run(proofScript(plan(), folder, "token"), "exit 0")).toEqual({
      code: 46,
      said: "the mount is gone\n",
    });
  });

  it("takes away the files with the credential even where nothing is mounted", () => {
    const secret = plan().leftovers[0] ?? "";
    const ran = run(`mkdir -p "$(dirname ${secret})"; : > ${secret}\n${unmountScript(plan())}`, "exit 0");
    expect([ran.code, existsSync(secret)]).toEqual([0, false]);
  });

  it("waits for the daemon, which may still send what it holds, and for no other program", () => {
    const daemon = `cp "$(command -v sleep)" ${folder}/mesa-d; ${folder}/mesa-d 1 & env -u MESA_MOUNT_POINT ${folder}/mesa-d 60 & other=$!`;
    const script = `${daemon}\nkill -0 $! && (\n${unmountScript(plan())}\n); c=$?; kill $other; jobs; exit $c`;
    const began = Date.now();
    expect(run(script, "exit 0").code).toBe(0);
    expect(Date.now() - began).toBeGreaterThan(900);
  });

  it("unmounts once the last process that works there has ended", () => {
    const programs = {
      grep: `case "$*" in *" /proc/mounts") [ ! -e ${folder}/off ] ;; *) exec /bin/grep "$@" ;; esac`,
      umount: "exit 1",
      fusermount3: `[ -e ${folder}/idle ] && : > ${folder}/off`,
    };
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    const script = `(sleep 1; : > ${folder}/idle) & ${unmountScript(plan())}`;
    expect(run(script, "exit 0")).toEqual({ code: 0, said: "" });
  });
});
