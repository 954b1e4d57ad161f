import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ManifestEntry } from "../../../src/manifest/entry";
import { askBlaxel } from "./deploy-place";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "../program";
import { fault, faultsOff, forgetRequests, requests, resetWorld, state } from "../world";

const VERSION = "0.20.0";
const FIRST = `alpine@${VERSION}-1`;

interface Plan {
  readonly id: string;
  readonly upToDate: boolean;
  readonly steps: readonly { readonly stage: string; readonly action: string; readonly why: string }[];
}

function entryIn(root: string, id: string): ManifestEntry {
  const manifest = JSON.parse(readFileSync(join(root, "dockerfiles/manifest.json"), "utf8")) as {
    versions: Record<string, ManifestEntry>;
  };
  const entry = manifest.versions[id];
  if (entry === undefined) throw new Error(`${id} is not in the manifest of ${root}`);
  return entry;
}

function codeOf(ran: Ran): readonly [number | null, string | undefined] {
  return [ran.code, ran.json<{ readonly error?: { readonly code: string } }>().error?.code];
}

/** What lies under the tag of a version's image on the engine. */
function imageAtTag({ inputsDigest }: ManifestEntry): string {
  const tag = `mesa-template/alpine:${VERSION}-${inputsDigest.replace("sha256:", "").slice(0, 12)}`;
  return execFileSync("docker", ["image", "inspect", "--format", "{{.Id}}", tag], {
    encoding: "utf8",
  }).trim();
}

describe("what is recorded was proven", () => {
  const released = temporaryRoot();
  const copies = mkdtempSync(join(tmpdir(), "mesa-template-copies-"));
  let count = 0;
  /** A copy of the root with a verified version, below a path of one's own. */
  const copy = (below = ""): string => {
    count += 1;
    const root = join(copies, String(count), below);
    mkdirSync(join(root, ".."), { recursive: true });
    cpSync(released.root, root, { recursive: true });
    return root;
  };
  const on = (root: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    mesaTemplate([...args, "--root", root, "--json"], options);
  const release = (root: string, more: readonly string[] = [], options: RunOptions = {}): Promise<Ran> =>
    on(root, ["release", VERSION, "--template", "alpine", ...more], options);
  const planned = async (root: string, ...more: readonly string[]): Promise<Plan> => {
    const ran = await release(root, ["--dry-run", ...more]);
    expect(ran.code, ran.stdout).toBe(0);
    const [plan] = ran.json<{ readonly plans: readonly Plan[] }>().plans;
    if (plan === undefined) throw new Error("there is no plan");
    return plan;
  };
  const todo = ({ steps }: Plan): readonly string[] =>
    steps.filter(({ action }) => action === "do").map(({ stage }) => stage);
  const edit = (root: string): void => {
    const file = join(root, "templates/alpine/Dockerfile.hbs");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("WORKDIR /blaxel", "ENV EDITED=yes\nWORKDIR /blaxel"),
    );
  };

  beforeAll(async () => {
    await resetWorld();
    const ran = await release(released.root, ["--no-deploy"]);
    expect(ran.code, ran.stderr).toBe(0);
  });
  afterAll(async () => {
    await faultsOff();
    released.remove();
    rmSync(copies, { recursive: true, force: true });
  });

  it("of the image that goes out, not of the one before it", async () => {
    const { root } = released;
    const proven = entryIn(root, FIRST).image.id;
    await fault("mount-read-only");
    expect(codeOf(await release(root, ["--force", "--no-deploy"]))).toEqual([6, "SMOKE_FAILED"]);
    await faultsOff();
    const other = imageAtTag(entryIn(root, FIRST));
    expect(other).not.toBe(proven);
    expect(todo(await planned(root))).toEqual(["build", "smoke", "deploy", "verify", "record"]);
  });

  it("by one release at a time, though the other one has been stopped for an hour", async () => {
    const { root } = released;
    const lock = join(root, ".mesa-template/locks", `alpine@${VERSION}.lock`);
    let stopped: (() => void) | undefined;
    const isStopped = new Promise<void>((done) => {
      stopped = done;
    });
    let firstPid = 0;
    const first = release(root, [], {
      onStderr: (text, pid) => {
        if (firstPid !== 0 || !text.includes("alpine: smoke …")) return;
        firstPid = pid;
        process.kill(pid, "SIGSTOP");
        stopped?.();
      },
    });
    await isStopped;
    const hourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(lock, hourAgo, hourAgo);
    let waits = false;
    const second = release(root, [], {
      onStderr: (text) => {
        if (
          waits ||
          !text.includes(`waiting for another release of alpine ${VERSION} (process ${String(firstPid)} `)
        )
          return;
        waits = true;
        setTimeout(() => process.kill(firstPid, "SIGCONT"), 1_000);
      },
    });
    const both = (await Promise.all([first, second])).map((ran) => {
      expect(ran.code, ran.stderr).toBe(0);
      return ran.json<{
        readonly results: readonly { readonly upToDate: boolean; readonly status: string }[];
      }>();
    });
    expect(waits).toBe(true);
    expect(both.map(({ results }) => results[0])).toMatchObject([
      { upToDate: false, status: "verified" },
      { upToDate: true, status: "verified" },
    ]);
    const entry = entryIn(root, FIRST);
    expect([entry.image.id, entry.smoke.imageId]).toEqual([imageAtTag(entry), imageAtTag(entry)]);
    const record = readFileSync(join(root, `dockerfiles/alpine/${VERSION}/records/1/record.json`), "utf8");
    expect((JSON.parse(record) as { image: { id: string } }).image.id).toBe(entry.image.id);
  });

  it("with these checks: a changed, an added and a given check file are run", async () => {
    const root = copy();
    expect(await planned(root)).toMatchObject({ id: FIRST, upToDate: true });
    const given = join(root, "given.yaml");
    writeFileSync(given, 'schemaVersion: 1\nchecks:\n  - name: one more\n    command: "true"\n');
    expect(todo(await planned(root, "--checks", given))).toContain("smoke");
    appendFileSync(join(root, "templates/alpine/checks.yaml"), '\n  - name: one more\n    command: "true"\n');
    expect(todo(await planned(root))).toEqual(expect.arrayContaining(["smoke", "verify", "record"]));
  });

  it("of these files, whatever the root is called", async () => {
    const root = copy("records/mine");
    expect(await planned(root)).toMatchObject({ id: FIRST, upToDate: true });
    edit(root);
    expect(await planned(root)).toMatchObject({ id: `alpine@${VERSION}-2`, upToDate: false });
  });

  it("in this workspace: another one holds nothing of it, and a foreign sandbox there stays", async () => {
    const root = copy();
    const prod = ["--workspace", "prod"];
    expect(todo(await planned(root, ...prod))).toEqual(["deploy", "verify", "record"]);
    expect(codeOf(await on(root, ["resolve", FIRST, ...prod]))[0]).toBe(7);
    const inProd = (method: string, path: string, body?: unknown): Promise<Response> => {
      const before = process.env["BL_WORKSPACE"];
      process.env["BL_WORKSPACE"] = "prod";
      try {
        return askBlaxel(method, path, body);
      } finally {
        process.env["BL_WORKSPACE"] = before;
      }
    };
    const foreign = {
      metadata: { name: "mesa-alpine" },
      spec: { runtime: { image: "blaxel/base-image:latest" } },
    };
    expect((await inProd("POST", "/sandboxes", foreign)).ok).toBe(true);
    expect(codeOf(await release(root, prod))).toEqual([7, "SANDBOX_NOT_OURS"]);
    await inProd("DELETE", "/sandboxes/mesa-alpine");
    const ran = await release(root, [...prod, "--no-verify"]);
    expect(ran.code, ran.stdout).toBe(0);
    const { deployments } = entryIn(root, FIRST);
    expect(deployments).toMatchObject({
      prod: { workspace: "prod", verification: null },
      world: { workspace: "world" },
    });
    expect(deployments["world"]?.verification).not.toBeNull();
    expect((await on(root, ["resolve", FIRST, ...prod])).code).toBe(0);
  });

  it("and not what was revoked, until that is taken back", async () => {
    const root = copy();
    expect((await on(root, ["revoke", FIRST, "--reason", "it leaks"])).code).toBe(0);
    const refused = await release(root);
    expect(codeOf(refused)).toEqual([2, "INPUTS_REVOKED"]);
    expect(refused.stdout).toContain("it leaks");
    expect(codeOf(await release(root, ["--force"]))).toEqual([2, "INPUTS_REVOKED"]);
    expect((await on(root, ["unrevoke", FIRST, "--reason", "it does not"])).code).toBe(0);
    expect(await planned(root)).toMatchObject({ id: FIRST, upToDate: true });
  });

  it("from an unedited lock", async () => {
    const root = copy();
    const lock = join(root, `dockerfiles/alpine/${VERSION}/lock.json`);
    writeFileSync(lock, readFileSync(lock, "utf8").replace(/"url": "https?:\/\/[^/"]+/u, "$&.example.org"));
    for (const more of [[], ["--dry-run"], ["--frozen"], ["--frozen", "--dry-run"]])
      expect(codeOf(await release(root, more)), more.join(" ")).toEqual([2, "LOCK_CHECK_FAILED"]);
    expect((await on(root, ["lock", VERSION, "--template", "alpine", "--check"])).code).toBe(2);
  });

  it("and a command that only deploys knows no --no-deploy", async () => {
    await forgetRequests();
    const before = entryIn(released.root, FIRST);
    const ran = await on(released.root, ["deploy", VERSION, "--template", "alpine", "--no-deploy"]);
    expect(codeOf(ran)).toEqual([2, "USAGE"]);
    expect(ran.stdout).toContain("no-deploy");
    expect([await requests("blaxel"), await requests("mesa")]).toEqual([[], []]);
    expect(entryIn(released.root, FIRST)).toEqual(before);
  });

  it("and what a killed smoke left goes with the next command that asks the engine, not before", async () => {
    const root = copy();
    let victim = 0;
    const killed = await on(root, ["smoke", VERSION, "--template", "alpine"], {
      onStderr: (text, pid) => {
        if (victim !== 0 || !text.includes("the sandbox API answers")) return;
        victim = pid;
        process.kill(pid, "SIGKILL");
      },
    });
    expect(killed.code).toBe(null);
    const marked = (): string[] =>
      execFileSync(
        "docker",
        [
          "ps",
          "-a",
          "--filter",
          "label=mesa-template.process",
          "--format",
          '{{.ID}} {{.Label "mesa-template.process"}}',
        ],
        { encoding: "utf8" },
      )
        .split("\n")
        .filter((line) => line.includes(`-${String(victim)}-`));
    // Smoke runs two containers side by side, so the kill leaves one or both.
    const left = marked();
    expect(left).not.toEqual([]);
    expect(await planned(root)).toMatchObject({ upToDate: true });
    expect(marked()).toEqual(expect.arrayContaining(left));
    await on(root, ["gc", "--dry-run"]);
    expect(marked()).toEqual([]);
  });

  describe("where no credential was there", () => {
    const root = join(copies, "unmounted");
    const second = `alpine@${VERSION}-2`;
    const without = { env: { MESA_API_KEY: undefined, MESA_ORG: undefined } };

    beforeAll(() => {
      cpSync(released.root, root, { recursive: true });
      edit(root);
    });

    it("stops before it starts, unless what was not proven may be missing", async () => {
      const stopped = await release(root, [], without);
      expect(codeOf(stopped)).toEqual([3, "CHECKS_CANNOT_RUN"]);
      expect(stopped.stderr).not.toContain("build …");
      const allowed = await release(root, ["--allow-skipped"], without);
      expect(allowed.code, allowed.stdout).toBe(0);
      const { smoke, deployments } = entryIn(root, second);
      expect(smoke).toMatchObject({ mounted: false });
      expect(smoke.skipped).toBeGreaterThan(0);
      expect(deployments["world"]?.verification).toMatchObject({ mounted: false });
      const listed = await mesaTemplate(["list", "--root", root]);
      expect(listed.stdout).toMatch(/alpine@0\.20\.0-2.* no mount/u);
      const shown = await mesaTemplate(["show", second, "--root", root]);
      expect(shown.stdout).toMatch(/smoke .*skipped \(.+\).*Mesa not mounted/u);
      expect((await on(root, ["promote", second, "canary"])).code).not.toBe(0);
      expect((await on(root, ["promote", second, "canary", "--unverified"])).code).toBe(0);
      // A credential that is there now proves what was not proven then.
      expect(todo(await planned(root))).toContain("smoke");
    });

    it("verifies an older revision as it was made, and a failure leaves its channel resolvable", async () => {
      expect((await on(root, ["promote", FIRST, "stable"])).code).toBe(0);
      const proven = await on(root, ["verify", FIRST]);
      expect(proven.code, proven.stdout).toBe(0);
      const skipped = await on(root, ["verify", FIRST], without);
      expect(codeOf(skipped)).toEqual([7, "VERIFY_SKIPPED"]);
      expect(skipped.stdout).toContain("stable points at it");
      expect(entryIn(root, FIRST)).toMatchObject({ status: "verified", failure: null });
      await fault("mount-read-only");
      const failed = await on(root, ["verify", FIRST]);
      await faultsOff();
      expect(codeOf(failed)).toEqual([7, "VERIFY_FAILED"]);
      expect(failed.stdout).toContain(`stable points at it`);
      expect(failed.stdout).toContain(`mesa-template revoke ${FIRST}`);
      expect(entryIn(root, FIRST).deployments["world"]?.verification).toMatchObject({ failed: 1 });
      const resolved = await on(root, ["resolve", "stable", "--template", "alpine"]);
      expect(resolved.code, resolved.stdout).toBe(0);
      expect((await state()).sandboxes.filter(({ name }) => name.startsWith("verify-"))).toEqual([]);
    });
  });
});
