import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Manifest, ManifestEntry } from "../../../src/manifest/entry";
import { readManifest, recordEntry, updateManifest } from "../../../src/manifest/index";
import { withRemovals } from "../../../src/manifest/versions/record-entry";
import { thisProcess } from "../../../src/support/processes/alive";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { systemClock } from "../../../src/support/clock";
import { deploymentOf, entryOf, manifestOf, promote } from "./fixture";
import { fileHost } from "./host";

const folder = mkdtempSync(join(tmpdir(), "manifest-update-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const host = fileHost("update-test");
const facts = { at: "2026-02-01T00:00:00.000Z", by: "x" };
const start = manifestOf(entryOf("alpine", "0.20.0"), entryOf("debian", "0.20.0"));
const toStable = (manifest: Manifest): Manifest => promote(manifest, ["debian@0.20.0-1"], "stable", facts);

function file(name: string, text: string): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, text);
  return path;
}

describe("changing the manifest", () => {
  it("refuses a link in the lock's place, also one to nothing", async () => {
    const path = join(folder, "dockerfiles/linked.json");
    mkdirSync(dirname(path));
    symlinkSync("/nowhere", `${path}.lock`);
    await expect(updateManifest(host, path, () => start)).rejects.toMatchObject({ code: "LINK_REFUSED" });
  });

  it("keeps what another program wrote without the lock after it was read", async () => {
    const path = file("outside", canonicalJson(start));
    let calls = 0;
    await updateManifest(host, path, (manifest) => {
      calls += 1;
      if (calls === 1)
        writeFileSync(path, canonicalJson(recordEntry(manifest, entryOf("team", "0.26.0"), facts.at)));
      return toStable(manifest);
    });
    const after = await readManifest(path);
    expect(calls).toBe(2);
    expect(Object.keys(after.versions)).toContain("team@0.26.0-1");
    expect(after.channels["debian"]).toEqual({ stable: "debian@0.20.0-1" });
  });

  it.each([
    ["as the program writes it", canonicalJson(start)],
    ["on one line", JSON.stringify(start)],
    ["with other line ends", canonicalJson(start).replaceAll("\n", "\r\n")],
    ["with its parts in another order", `${JSON.stringify({ ...start, history: [] }, null, 2)}\n`],
    [
      "with versions in another order",
      `{\n  "channels": {},\n  "history": [],\n  "schemaVersion": "2.0",\n  "versions": ${JSON.stringify(Object.fromEntries(Object.entries(start.versions).reverse()), null, 2).replaceAll("\n", "\n  ")}\n}\n`,
    ],
    [
      "with fields of the future",
      canonicalJson({ ...start, aaa: { of: ["the", "future"] }, zzz: 1, schemaVersion: "2.4" }),
    ],
    ["with letters of all kinds", canonicalJson({ ...start, by: "Ádá – 你好 🦀" })],
    ["without any version", canonicalJson({ ...start, versions: {} })],
  ])("writes the same bytes however it was laid out: %s", async (name, text) => {
    const path = file(name.replaceAll(" ", "-"), text);
    const empty = text.includes('"versions": {}');
    const change = (manifest: Manifest): Manifest =>
      empty ? { ...manifest, channels: { debian: {} } } : toStable(manifest);
    await updateManifest(host, path, change);
    expect(readFileSync(path, "utf8")).toBe(canonicalJson(change(JSON.parse(text) as Manifest)));
  });

  it("keeps a revocation that came while a release was under way", () => {
    const entry = entryOf("debian", "0.20.0");
    const revoked = {
      ...entry,
      status: "revoked" as const,
      revocation: { reason: "broken", at: facts.at, by: "x" },
    };
    const after = recordEntry(manifestOf(revoked), entry, facts.at).versions[entry.id];
    expect(after).toMatchObject({ status: "revoked", revocation: { reason: "broken" } });
  });

  it("does not put one version in the place of another of the same id, pulled while it was made", () => {
    const entry = entryOf("debian", "0.20.0");
    const pulled = manifestOf({ ...entry, inputsDigest: `sha256:${"f".repeat(64)}` });
    expect(() => recordEntry(pulled, entry, facts.at)).toThrow(/recorded with other inputs/u);
  });

  it("keeps a removal that came while the removed image was verified, but not against another workspace's", () => {
    const entry = entryOf("debian", "0.20.0");
    const { id } = entry;
    const removal = { deployments: [{ id, workspace: "ws" }], neverDeployed: [] };
    const removed = withRemovals(manifestOf(entry), removal, facts.at);
    expect(recordEntry(removed, entry, facts.at).versions[id]).toMatchObject({
      status: "removed",
      deployments: { ws: { removedAt: facts.at } },
    });
    const inProd = { ...entry, deployments: { prod: deploymentOf("debian", "0.20.0", 1, "prod") } };
    expect(recordEntry(removed, inProd, facts.at).versions[id]).toMatchObject({
      status: "verified",
      deployments: { ws: { removedAt: facts.at }, prod: {} },
    });
    const again = { ...entry.deployments["ws"], deployedAt: "2026-03-01T00:00:00.000Z" };
    const deployed = { ...entry, deployments: { ws: again } } as ManifestEntry;
    expect(recordEntry(removed, deployed, facts.at).versions[id]).toMatchObject({
      status: "verified",
      deployments: { ws: again },
    });
  });

  it("does not wait for a holder that is dead, and takes away what it left half written", async () => {
    const path = file("dead", canonicalJson(start));
    const holder = {
      ...thisProcess(),
      pid: 2 ** 22 - 1,
      host: hostname(),
      since: facts.at,
      token: "gone",
      run: "r",
    };
    writeFileSync(`${path}.lock`, JSON.stringify(holder));
    writeFileSync(`${path}.lock.stale`, JSON.stringify(holder));
    writeFileSync(join(folder, ".dead.json.0123456789ab.tmp"), canonicalJson(start).slice(0, 100));
    await updateManifest(host, path, toStable);
    expect(readdirSync(folder).filter((name) => name.includes("dead"))).toEqual(["dead.json"]);
  });

  it("names a holder on another machine with a heartbeat, and times out after a minute", async () => {
    const path = file("elsewhere", canonicalJson(start));
    const lock = `${path}.lock`;
    const process = { pid: 42, space: "b", started: "1", host: "build-7" };
    const holder = { ...process, since: facts.at, token: "elsewhere", run: "r" };
    writeFileSync(lock, JSON.stringify(holder));
    let beats = 0;
    const beating = {
      ...systemClock,
      sleep: () => {
        beats += 1;
        utimesSync(lock, beats, beats);
        return Promise.resolve();
      },
    };
    const notes: unknown[] = [];
    const emit = (event: unknown): number => notes.push(event);
    await expect(updateManifest({ ...host, clock: beating, emit }, path, toStable)).rejects.toMatchObject({
      code: "MANIFEST_LOCKED",
      kind: "manifest",
      message: expect.stringContaining("process 42 on build-7") as string,
    });
    expect(notes).toEqual([
      { type: "note", message: expect.stringContaining("waiting for process 42 on build-7") as string },
    ]);
  });
});
