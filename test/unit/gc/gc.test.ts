import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removedImages } from "../../../src/gc/collect";
import type { Outcome } from "../../../src/gc/removal";
import { contradictions } from "../../../src/manifest/check";
import { withRemovals } from "../../../src/manifest/versions/record-entry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manifest, ManifestEntry } from "../../../src/manifest/entry";
import { deploymentOf, entryOf, manifestOf, promote } from "../manifest/fixture";
import { buildInto, workFolder } from "../cli/fixture/built";
import { runProgram, writeManifest, type Ran } from "../cli/fixture/program";

const work = workFolder("gc");
const program = join(work.folder, "dist/mesa-template.js");
const facts = { at: "2026-02-01T00:00:00.000Z", by: "x" };
let folders = 0;

beforeAll(() => {
  buildInto(join(work.folder, "dist"));
}, 120_000);
afterAll(work.remove);

const entries: readonly ManifestEntry[] = [
  ...["0.10.0", "0.11.0", "0.12.0", "0.13.0", "0.14.0", "0.15.0"].map((version) =>
    entryOf("debian", version),
  ),
  {
    ...entryOf("debian", "0.9.0"),
    deployments: { elsewhere: deploymentOf("debian", "0.9.0", 1, "elsewhere") },
  },
];
/** stable points at 0.12.0 and would go back to 0.10.0; the last two are 0.15.0 and 0.14.0: left are 0.13.0, 0.11.0 and 0.9.0. */
const manifest = ["debian@0.10.0-1", "debian@0.12.0-1"].reduce(
  (before, id) => promote(before, [id], "stable", facts),
  manifestOf(...entries),
);

interface Place {
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** Images that bl was asked to delete. */
  readonly asked: () => readonly string[];
  readonly statuses: () => Readonly<Record<string, string>>;
}

/** A folder with that manifest, and a bl that answers for each image as it is told (recorded words of bl 0.1.108). */
function place(
  answers: Readonly<Record<string, string>> = {},
  rules = "keep_last = 2\nkeep_younger_than_days = 30\n",
): Place {
  folders += 1;
  const root = join(work.folder, `place-${String(folders)}`);
  const file = writeManifest(root, manifest);
  mkdirSync(join(root, "templates"));
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "templates/retention.toml"), rules);
  const cases = Object.entries(answers).map(
    ([image, words]) =>
      `  ${image}) echo 'Error deleting image ${image}: DELETE "https://api.blaxel.ai/images/${image}": ${words}'; exit 1;;`,
  );
  const bl = join(root, "bin/bl");
  writeFileSync(
    bl,
    `#!/bin/sh\necho "$3" >> ${join(root, "asked")}\ncase "$3" in\n${cases.join("\n")}\n  *) echo "Image tag $3 deleted";;\nesac\n`,
  );
  chmodSync(bl, 0o755);
  return {
    run: (...args) =>
      runProgram(program, ["gc", "--root", root, ...args], {
        PATH: `${join(root, "bin")}:${process.env["PATH"] ?? ""}`,
        DOCKER_HOST: `unix://${join(root, "no-engine.sock")}`,
        BL_API_KEY: "key-for-tests",
        BL_WORKSPACE: "ws",
      }),
    asked: () => {
      const log = join(root, "asked");
      return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
    },
    statuses: () =>
      Object.fromEntries(
        Object.entries((JSON.parse(readFileSync(file, "utf8")) as Manifest).versions)
          .filter(([, { status }]) => status !== "verified")
          .map(([id, { status }]) => [id, status]),
      ),
  };
}

const [NEWER, OLDER] = ["sandbox/mesa-debian:tag0130r1", "sandbox/mesa-debian:tag0110r1"];

describe("what is recorded in the manifest", () => {
  const both: ManifestEntry = {
    ...entryOf("debian", "0.20.0"),
    deployments: {
      ws: deploymentOf("debian", "0.20.0"),
      prod: deploymentOf("debian", "0.20.0", 1, "prod"),
    },
  };
  const smoked = entryOf("debian", "0.26.0", 1, "smoked");
  const local = (id: string, outcome: "removed" | "stays" | "failed"): Outcome => ({
    what: "local image",
    name: `tag of ${id}`,
    why: "",
    id,
    outcome,
  });
  const plan = [both, smoked].map((entry) => ({ entry, keep: false, why: "old" }));

  it("is which workspace lost its image; a version is removed when the last one did", () => {
    const at = "2026-03-01T00:00:00.000Z";
    const first = { deployments: [{ id: both.id, workspace: "ws" }], neverDeployed: [] };
    const once = withRemovals(manifestOf(both, smoked), first, at);
    expect(once.versions[both.id]).toMatchObject({
      status: "verified",
      deployments: { ws: { removedAt: at } },
    });
    const twice = withRemovals(once, { ...first, deployments: [{ id: both.id, workspace: "prod" }] }, at);
    expect(twice.versions[both.id]?.status).toBe("removed");
    expect(twice.versions[smoked.id]).toEqual(smoked);
    expect(contradictions(twice)).toEqual([]);
    expect(contradictions(withRemovals(twice, { deployments: [], neverDeployed: [smoked.id] }, at))).toEqual(
      [],
    );
  });

  it("is never the removal of a version whose image could not be removed or is on another engine", () => {
    const told = (...outcomes: readonly Outcome[]): readonly string[] =>
      removedImages(outcomes, plan).neverDeployed;
    expect(told()).toEqual([]);
    expect(told(local(smoked.id, "failed"))).toEqual([]);
    expect(told(local(smoked.id, "stays"))).toEqual([]);
    expect(told(local(smoked.id, "removed"), local(smoked.id, "stays"))).toEqual([]);
    expect(told(local(smoked.id, "removed"))).toEqual([smoked.id]);
    expect(told(local(both.id, "removed"))).toEqual([]);
  });
});

describe("gc", () => {
  it("only prints what it would do, unless --yes is given", async () => {
    for (const args of [[], ["--yes", "--dry-run"]]) {
      const here = place();
      const { code, stdout } = await here.run(...args);
      expect(code).toBe(0);
      expect(stdout).toContain(`Blaxel image ${NEWER} would be removed`);
      expect(stdout).toContain("This was a dry run; --yes removes them.");
      expect([here.asked(), here.statuses()]).toEqual([[], {}]);
    }
  });

  it("removes what no rule keeps, and records it as removed", async () => {
    const here = place();
    const { code, stdout, stderr } = await here.run("--yes");
    expect(code, stderr).toBe(0);
    expect(here.asked()).toEqual([NEWER, OLDER]);
    expect(here.statuses()).toEqual({ "debian@0.11.0-1": "removed", "debian@0.13.0-1": "removed" });
    expect(stdout).toMatch(/tag090r1 stays: it is in the workspace elsewhere/u);
    expect(stdout).toMatch(/local images and containers were not checked/u);
    const again = await here.run("--yes");
    expect([again.code, here.asked()]).toEqual([0, [NEWER, OLDER]]);
  });

  it("keeps what Blaxel reports as in use, which is no failure", async () => {
    const here = place({
      [NEWER]: '400 Bad Request {"code":400,"error":"image sandbox/mesa-debian is in use by sandbox x"}',
    });
    const { code, stdout } = await here.run("--yes", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      dryRun: false,
      removals: [
        { name: NEWER, outcome: "stays" },
        { name: OLDER, outcome: "removed" },
        { outcome: "stays" },
      ],
    });
    expect(here.statuses()).toEqual({ "debian@0.11.0-1": "removed" });
  });

  it("continues after an image that Blaxel does not remove, and counts a missing one as removed", async () => {
    const here = place({
      [NEWER]: '422 Unprocessable Entity {"code":422,"error":"not this one"}',
      [OLDER]: '404 Not Found {"code":404,"error":"image not found"}',
    });
    const { code, stdout } = await here.run("--yes", "--json");
    expect(code).not.toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("not this one") as string },
    });
    expect(here.statuses()).toEqual({ "debian@0.11.0-1": "removed" });
  });

  it("stops after a permission error, and reports it for every image", async () => {
    const here = place({ [NEWER]: '403 Forbidden {"code":403,"error":"forbidden"}' });
    const { code, stdout } = await here.run("--yes");
    expect(code).toBe(3);
    expect(here.asked()).toEqual([NEWER]);
    expect(stdout.match(/could not be removed/gu)).toHaveLength(3);
    expect(here.statuses()).toEqual({});
  });

  it.each([
    ["keep_last = 0\n", /keep_last/u],
    ['keep_last = "many"\n', /keep_last/u],
    ["keep_newest = 3\n", /keep_newest/u],
    ["keep_last = = 3\n", /retention\.toml/u],
    ["keep_younger_than_days = -1\n", /keep_younger_than_days/u],
  ])("refuses the rule %s", async (rules, words) => {
    const here = place({}, rules);
    const { code, stderr } = await here.run("--yes");
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    expect(here.asked()).toEqual([]);
  });
});
