import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manifest, ManifestEntry } from "../../../src/manifest/entry";
import { deploymentOf, entryOf, manifestOf } from "../manifest/fixture";
import { buildInto, workFolder } from "./fixture/built";
import { runProgram, writeManifest, type Ran } from "./fixture/program";
import { IDENTITY, runMain } from "./fixture/run-main";

const work = workFolder("channel-commands");
const program = join(work.folder, "dist/mesa-template.js");
const ADA = "Ada Lovelace <ada@example.invalid>";
let folders = 0;

beforeAll(() => {
  buildInto(join(work.folder, "dist"));
}, 120_000);
afterAll(work.remove);

interface Place {
  readonly root: string;
  readonly manifest: () => Manifest;
  readonly text: () => string;
  readonly run: (line: string, env?: Readonly<Record<string, string>>) => Promise<Ran>;
}

const versions = [
  entryOf("alpine", "0.20.0"),
  entryOf("alpine", "0.26.0"),
  entryOf("alpine", "0.46.0", 1, "failed"),
  entryOf("debian", "0.20.0"),
  entryOf("debian", "0.26.0"),
  entryOf("debian", "0.38.0", 1, "deployed"),
  entryOf("debian", "0.46.0"),
];

function place(entries: readonly ManifestEntry[] = versions): Place {
  folders += 1;
  const root = join(work.folder, `place-${String(folders)}`);
  const file = writeManifest(root, manifestOf(...entries));
  const text = (): string => readFileSync(file, "utf8");
  return {
    root,
    text,
    manifest: () => JSON.parse(text()) as Manifest,
    run: (line, env) => runMain([...line.split(" "), "--root", root], env),
  };
}

/** Each line succeeds. */
async function runAll({ run }: Place, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { code, stderr } = await run(line);
    expect(code, `${line}: ${stderr}`).toBe(0);
  }
}

describe("a folder that belongs to no project", () => {
  it.each(["list", "resolve stable", "promote 0.20.0 stable", "rollback stable", "history", "channels"])(
    "is said to be none, with exit 2: %s",
    async (line) => {
      const { code, stdout, stderr } = await runProgram("", [], {}, [
        "bash",
        "-c",
        `cd / && ${process.execPath} ${program} ${line} #`,
      ]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(
        /^error: Neither \/ nor a folder above it has templates\/\.\nwhat to do: .*init\.\n$/u,
      );
    },
  );
});

describe("a reason with a secret in it", () => {
  it.each(["promote 0.20.0 stable", "revoke debian@0.20.0-1"])(
    "hides it in the manifest: %s",
    async (line) => {
      const here = place();
      const { code } = await here.run(`${line} --reason key-s3cr3tvalue`, { BL_API_KEY: "s3cr3tvalue" });
      expect([code, here.text()]).toEqual([0, expect.stringContaining('"reason": "key-***"')]);
    },
  );
});

it("a reason of several lines, or with control sequences, is kept as one line", async () => {
  const here = place();
  const { code, stdout } = await runMain(
    ["promote", "0.20.0", "stable", "--root", here.root, "--json", "--reason"].concat(
      "first\nsecond \u001B[31mred\u001B[0m\u0007 ",
    ),
  );
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { moves: [{ reason: "first second red" }, {}] }]);
});

describe("promote", () => {
  it("takes a Mesa version for every template in one write, with who and why", async () => {
    const here = place();
    const { stdout } = await here.run("promote 0.20.0 stable --reason first");
    expect(stdout).toBe("stable → alpine@0.20.0-1\nstable → debian@0.20.0-1\n");
    const { channels, history } = here.manifest();
    expect(channels).toEqual({
      alpine: { stable: "alpine@0.20.0-1" },
      debian: { stable: "debian@0.20.0-1" },
    });
    expect(history).toMatchObject([
      { template: "alpine", from: null, to: "alpine@0.20.0-1", by: ADA, reason: "first", action: "promote" },
      { template: "debian", from: null, to: "debian@0.20.0-1", by: ADA, reason: "first", action: "promote" },
    ]);
  });

  it.each([
    ["0.46.0 stable", /alpine@0\.46\.0-1 cannot become stable: it failed/u],
    ["debian@0.38.0-1 stable", /not verified/u],
    ["debian@0.10.0-1 stable", /never proven that Mesa mounts[^]*--unverified/u],
    ["debian@0.11.0-1 stable", /1 checks were skipped \(the mount\)[^]*--unverified/u],
  ])("refuses %s with 2, and writes nothing", async (line, words) => {
    const base = entryOf("debian", "0.10.0");
    const unmounted = { ...deploymentOf("debian", "0.10.0").verification, mounted: false };
    const here = place([
      ...versions,
      {
        ...base,
        smoke: { ...base.smoke, mounted: false },
        deployments: { ws: { ...deploymentOf("debian", "0.10.0"), verification: unmounted } },
      } as ManifestEntry,
      { ...entryOf("debian", "0.11.0"), smoke: { ...base.smoke, skipped: 1, notRun: ["the mount"] } },
    ]);
    const before = here.text();
    const { code, stderr } = await here.run(`promote ${line}`);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    expect(here.text()).toBe(before);
  });

  it("takes what was only deployed with --unverified, and some templates where that is said", async () => {
    const here = place();
    await runAll(
      here,
      "promote debian@0.38.0-1 canary --unverified",
      "promote 0.46.0 stable --template debian",
    );
    expect(here.manifest().channels).toEqual({
      debian: { canary: "debian@0.38.0-1", stable: "debian@0.46.0-1" },
    });
  });

  it("has nothing to do where the channel is already, and keeps no move of it", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable");
    const before = here.text();
    const { stdout } = await here.run("promote 0.20.0 stable");
    expect(stdout).toMatch(/already there, nothing to do/u);
    expect(here.text()).toBe(before);
  });

  it("writes nothing with --dry-run", async () => {
    const here = place();
    const before = here.text();
    expect((await here.run("promote 0.20.0 stable --dry-run")).stdout).toMatch(/dry run/u);
    expect(here.text()).toBe(before);
  });

  it("creates a channel of another name with --create, and channels --delete ends it", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 nightly --create", "promote 0.26.0 nightly");
    const { code, stdout, stderr } = await here.run("channels --delete nightly --reason unused");
    expect([code, stdout]).toEqual([
      0,
      "nightly of alpine deleted; it pointed at alpine@0.26.0-1\nnightly of debian deleted; it pointed at debian@0.26.0-1\n",
    ]);
    expect(stderr).toMatch(/written to \S*dockerfiles\/manifest\.json/u);
    expect(here.manifest().channels).toEqual({ alpine: {}, debian: {} });
    expect(here.manifest().history.at(-1)).toMatchObject({ action: "delete", to: null, reason: "unused" });
    expect((await here.run("channels --delete nightly")).code).toBe(2);
  });

  it("says that the manifest is to be committed, in a git repository with the command", async () => {
    const here = place();
    expect((await here.run("promote 0.20.0 stable")).stderr).toMatch(
      /written to \S*dockerfiles\/manifest\.json$/mu,
    );
    execFileSync("git", ["init", "--quiet", here.root]);
    const { stderr } = await here.run("promote 0.26.0 stable");
    const [, command = ""] = /commit and push it: (.*) && git -C \S+ push$/mu.exec(stderr) ?? [];
    // Both are new to this repository: a clone with the manifest alone would lock anew.
    mkdirSync(join(here.root, "dockerfiles/debian/0.26.0"), { recursive: true });
    writeFileSync(join(here.root, "dockerfiles/debian/0.26.0/lock.json"), "{}\n");
    execFileSync("sh", ["-c", command], { env: { ...process.env, ...IDENTITY } });
    expect(
      execFileSync("git", ["-C", here.root, "show", "--stat", "--format=%s"], { encoding: "utf8" }),
    ).toMatch(
      /^Promote alpine@0\.26\.0-1, debian@0\.26\.0-1 to stable\n\n dockerfiles\/debian\/0\.26\.0\/lock\.json \|.*\n dockerfiles\/manifest\.json +\|/u,
    );
    expect((await here.run("promote 0.26.0 stable")).stderr).toBe("");
    // What git ignores cannot be committed.
    writeFileSync(join(here.root, ".gitignore"), "dockerfiles/\n");
    execFileSync("git", ["-C", here.root, "rm", "--quiet", "--cached", "dockerfiles/manifest.json"]);
    expect((await here.run("rollback stable")).stderr).toMatch(/written to \S*manifest\.json$/mu);
  });

  it("names the CI run that did it", async () => {
    const here = place();
    await here.run("promote 0.20.0 stable", {
      CI: "true",
      GITHUB_RUN_ID: "7",
      GITHUB_REPOSITORY: "acme/templates",
      GITHUB_SERVER_URL: "https://github.example.invalid",
    });
    expect(here.manifest().history[0]?.by).toBe(
      "https://github.example.invalid/acme/templates/actions/runs/7",
    );
  });
});

describe("rollback", () => {
  it("goes back step by step, and says when there is nothing left", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable", "promote 0.26.0 stable", "promote debian@0.46.0-1 stable");
    await runAll(here, "rollback stable --template debian");
    expect(here.manifest().channels["debian"]).toEqual({ stable: "debian@0.26.0-1" });
    const { stdout } = await here.run("rollback stable");
    expect(stdout).toMatch(/stable of debian: debian@0\.26\.0-1 → debian@0\.20\.0-1/u);
    const before = here.text();
    const again = await here.run("rollback stable");
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/nothing to go back to/u)]);
    expect(here.text()).toBe(before);
  });

  it("names the command that works where only some templates can go back", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable", "promote alpine@0.26.0-1 stable");
    const before = here.text();
    const { code, stderr } = await here.run("rollback stable");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/mesa-template rollback stable --template alpine/u),
    ]);
    expect(here.text()).toBe(before);
    await runAll(here, "rollback stable --template alpine");
    expect(here.manifest().channels["alpine"]).toEqual({ stable: "alpine@0.20.0-1" });
  });

  it("goes to a version that is named, of one template or of all", async () => {
    const here = place();
    await runAll(
      here,
      "promote 0.20.0 stable",
      "promote 0.26.0 stable",
      "rollback stable --to debian@0.20.0-1",
    );
    expect(here.manifest().channels).toEqual({
      alpine: { stable: "alpine@0.26.0-1" },
      debian: { stable: "debian@0.20.0-1" },
    });
    await runAll(here, "rollback stable --to 0.26.0");
    const before = here.text();
    expect(here.manifest().channels["debian"]).toEqual({ stable: "debian@0.26.0-1" });
    expect((await here.run("rollback stable --to 0.26.0")).stdout).toMatch(/nothing to do/u);
    expect(here.text()).toBe(before);
  });

  it.each([
    ["stable --to alpine@0.46.0-1", /alpine@0\.46\.0-1: it failed/u],
    ["stable --to debian@9.9.9-1", /Nothing is called debian@9\.9\.9-1/u],
    ["canary --to alpine@0.20.0-1", /alpine@0\.20\.0-1 is not a version of debian/u],
  ])("refuses %s with 2", async (line, words) => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable", "promote 0.26.0 stable", "promote debian@0.46.0-1 canary");
    const before = here.text();
    const { code, stderr } = await here.run(`rollback ${line}`);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    expect(here.text()).toBe(before);
  });

  it("steps over what was revoked meanwhile", async () => {
    const here = place();
    await runAll(here, "promote debian@0.20.0-1 stable", "promote debian@0.26.0-1 stable");
    await runAll(
      here,
      "promote debian@0.46.0-1 stable",
      "revoke debian@0.26.0-1 --reason broken",
      "rollback stable",
    );
    expect(here.manifest().channels["debian"]).toEqual({ stable: "debian@0.20.0-1" });
  });
});

describe("revoke", () => {
  it("is refused without a terminal while a channel points there, and lists the channels", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable", "promote 0.20.0 canary");
    const before = here.text();
    for (const line of ["", " --dry-run"]) {
      const { code, stderr } = await here.run(`revoke debian@0.20.0-1 --reason broken${line}`);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/(stable, canary|canary, stable) point at debian@0\.20\.0-1/u),
      ]);
    }
    expect(here.text()).toBe(before);
  });

  it("takes the channels back with --rollback, and ends one that has nowhere to go", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable", "promote 0.26.0 stable", "promote debian@0.26.0-1 canary");
    await runAll(here, "revoke debian@0.26.0-1 --reason broken --rollback");
    const { channels, versions: after, history } = here.manifest();
    expect(channels["debian"]).toEqual({ stable: "debian@0.20.0-1" });
    expect(after["debian@0.26.0-1"]).toMatchObject({
      status: "revoked",
      revocation: { reason: "broken", by: ADA },
    });
    expect(history.slice(-2).map(({ channel, to }) => [channel, to])).toEqual([
      ["canary", null],
      ["stable", "debian@0.20.0-1"],
    ]);
  });

  it("is taken back by unrevoke, with a reason and in the history", async () => {
    const here = place();
    await runAll(here, "revoke debian@0.26.0-1 --reason broken");
    const refused = await here.run("resolve 0.26.0 --template debian");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/was revoked: broken/u)]);
    const promoted = await here.run("promote 0.26.0 stable");
    expect(promoted.stderr).toMatch(/\(revoked: debian@0\.26\.0-1\).*\n.*--template alpine\.$/mu);
    expect((await here.run("unrevoke debian@0.26.0-1")).stderr).toMatch(/--reason is missing/u);
    await runAll(here, "unrevoke debian@0.26.0-1 --reason mistaken");
    expect(here.manifest().versions["debian@0.26.0-1"]).toMatchObject({
      status: "verified",
      revocation: { reason: "broken", lifted: { reason: "mistaken", by: ADA } },
    });
    expect(
      here.manifest().history.map(({ action, channel, from, to }) => [action, channel, from, to]),
    ).toEqual([
      ["revoke", null, "debian@0.26.0-1", null],
      ["unrevoke", null, null, "debian@0.26.0-1"],
    ]);
    expect((await here.run("resolve 0.26.0 --template debian")).code).toBe(0);
    expect((await here.run("unrevoke debian@0.26.0-1 --reason again")).code).toBe(2);
  });

  it("writes nothing with --dry-run, neither way", async () => {
    const here = place();
    const dry = async (line: string): Promise<void> => {
      const before = here.text();
      expect((await here.run(`${line} debian@0.26.0-1 --reason broken --dry-run`)).stdout).toMatch(
        /: broken \(dry run\)$/mu,
      );
      expect(here.text()).toBe(before);
    };
    await dry("revoke");
    await runAll(here, "revoke debian@0.26.0-1 --reason broken");
    await dry("unrevoke");
  });

  it("keeps the first reason when a version is revoked again", async () => {
    const here = place();
    await runAll(here, "revoke debian@0.26.0-1 --reason first");
    const before = here.text();
    expect((await here.run("revoke debian@0.26.0-1 --reason second")).stdout).toMatch(
      /revoked already: first/u,
    );
    expect(here.text()).toBe(before);
  });

  it("asks on a terminal, and does what is answered", async () => {
    const here = place();
    await runAll(here, "promote debian@0.20.0-1 stable", "promote debian@0.26.0-1 stable");
    const root = join(work.folder, `place-${String(folders)}`);
    const line = `"${process.execPath}" "${program}" revoke debian@0.26.0-1 --reason broken --root "${root}"`;
    const answer = async (keys: string): Promise<Omit<Ran, "stderr">> => {
      const child = spawn("script", ["-qec", line, "/dev/null"], {
        stdio: ["pipe", "pipe", "inherit"],
        // A pipeline is asked nothing, terminal or not.
        env: { ...process.env, CI: undefined },
      });
      let [stdout, asked] = ["", 0];
      child.stdout.on("data", (chunk: Buffer) => {
        stdout += chunk.toString("utf8");
        for (const questions = stdout.split("[y/N]").length - 1; asked < questions; asked += 1)
          child.stdin.write(keys);
      });
      const code = await new Promise<number | null>((done) => child.once("close", done));
      return { code, stdout };
    };
    const no = await answer("n\n");
    expect(no.stdout).toMatch(
      /stable points at debian@0\.26\.0-1\. Roll back \(stable → debian@0\.20\.0-1\)\?/u,
    );
    expect(no.stdout).toMatch(/Nothing was revoked/u);
    expect(here.manifest().versions["debian@0.26.0-1"]?.status).toBe("verified");
    expect((await answer("\u0004")).stdout).toMatch(/Nothing was revoked/u);
    const interrupted = await answer("\u0003");
    expect(interrupted).toMatchObject({
      code: 130,
      stdout: expect.not.stringMatching(/^\s+at /mu) as string,
    });
    expect(here.manifest().versions["debian@0.26.0-1"]?.status).toBe("verified");
    await answer("y\n");
    expect(here.manifest().channels["debian"]).toEqual({ stable: "debian@0.20.0-1" });
    expect(here.manifest().versions["debian@0.26.0-1"]?.status).toBe("revoked");
  }, 30_000);
});

describe("a version in several workspaces", () => {
  const both = {
    ...entryOf("debian", "0.20.0"),
    deployments: {
      staging: deploymentOf("debian", "0.20.0", 1, "staging"),
      prod: { ...deploymentOf("debian", "0.20.0", 1, "prod", false), image: "sandbox/mesa-debian:prod" },
    },
  };
  const staged = {
    ...entryOf("debian", "0.26.0"),
    deployments: { staging: deploymentOf("debian", "0.26.0", 1, "staging") },
  };

  it("resolves to the image of the workspace in use", async () => {
    const here = place([both, staged]);
    expect(await here.run("resolve 0.20.0 --workspace prod")).toMatchObject({
      code: 0,
      stdout: "sandbox/mesa-debian:prod\n",
    });
    expect((await here.run("resolve 0.20.0", { BL_WORKSPACE: "staging" })).stdout).toBe(
      "sandbox/mesa-debian:tag0200r1\n",
    );
    const none = await here.run("resolve 0.20.0");
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringMatching(/Which workspace\?.* prod, staging/u),
    ]);
    const missing = await here.run("resolve 0.26.0 --workspace prod");
    expect([missing.code, missing.stdout]).toEqual([7, ""]);
    expect(missing.stderr).toMatch(/not deployed in the workspace prod \(it is deployed in staging\)/u);
    expect(missing.stderr).toMatch(/mesa-template release 0\.26\.0 --template debian --workspace prod/u);
  });

  it("is listed in JSON as the workspace in use sees it", async () => {
    const here = place([both]);
    const seen = async (line: string): Promise<unknown> => {
      const { versions: found } = JSON.parse((await here.run(`${line} --json`)).stdout) as {
        versions: { deployment: { workspace: string } | null; verification: object | null }[];
      };
      return found.map(({ deployment, verification }) => [deployment?.workspace, verification !== null]);
    };
    expect(await seen("list --workspace staging")).toEqual([["staging", true]]);
    expect(await seen("list --workspace prod")).toEqual([["prod", false]]);
  });

  it("is promoted and rolled back by what the workspace in use has", async () => {
    const here = place([both, staged]);
    const unverified = await here.run("promote 0.20.0 stable --workspace prod");
    expect([unverified.code, unverified.stderr]).toEqual([2, expect.stringMatching(/not verified in prod/u)]);
    const missing = await here.run("promote 0.26.0 stable --workspace prod");
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringMatching(/not deployed yet in the workspace prod/u),
    ]);
    await runAll(
      here,
      "promote 0.26.0 stable --workspace staging",
      "promote 0.20.0 stable --workspace staging",
    );
    const back = await here.run("rollback stable --workspace prod");
    expect([back.code, back.stderr]).toEqual([
      2,
      expect.stringMatching(/nothing to go back to.* workspace prod/u),
    ]);
    await runAll(here, "rollback stable --workspace staging");
    expect(here.manifest().channels["debian"]).toEqual({ stable: "debian@0.26.0-1" });
  });

  it("stays usable through its channel when a later verification failed", async () => {
    const verification = { ...deploymentOf("debian", "0.20.0").verification, failed: 2 };
    const failed = {
      ...entryOf("debian", "0.20.0"),
      status: "failed",
      failure: { stage: "verify", code: "VERIFY_FAILED", message: "2 of 17 checks failed.", workspace: "ws" },
      deployments: { ws: { ...deploymentOf("debian", "0.20.0"), verification } },
    } as ManifestEntry;
    const here = place([failed]);
    const refused = await here.run("resolve debian@0.20.0-1");
    expect([refused.code, refused.stderr]).toEqual([7, expect.stringMatching(/2 of 17 checks failed/u)]);
    const promoted = { ...manifestOf(failed), channels: { debian: { stable: failed.id } } };
    writeManifest(here.root, promoted);
    expect((await here.run("resolve stable")).stdout).toBe("sandbox/mesa-debian:tag0200r1\n");
  });
});

describe("what scripts read", () => {
  it("is one line: the image, and nothing else", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable");
    for (const line of [
      "resolve stable --template debian",
      "resolve 0.20.0 --template debian",
      "resolve debian@0.20.0-1",
    ])
      expect(await here.run(line)).toEqual({
        code: 0,
        stdout: "sandbox/mesa-debian:tag0200r1\n",
        stderr: "",
      });
    const several = await here.run("resolve stable");
    expect(several).toMatchObject({ code: 2, stdout: "" });
    expect(several.stderr).toMatch(/several versions: alpine@0\.20\.0-1, debian@0\.20\.0-1/u);
    expect(JSON.parse((await here.run("resolve debian@0.20.0-1 --json")).stdout)).toMatchObject({
      ok: true,
      image: "sandbox/mesa-debian:tag0200r1",
      version: { id: "debian@0.20.0-1" },
    });
  });

  it("says why a channel, a version or an id cannot be used", async () => {
    const here = place();
    await runAll(here, "promote debian@0.20.0-1 stable");
    const manifest = here.manifest();
    const revoked = {
      ...manifest.versions["debian@0.20.0-1"],
      status: "revoked",
      revocation: { reason: "mounts time out", at: "2026-02-01T00:00:00.000Z", by: "x" },
    };
    writeManifest(join(work.folder, `place-${String(folders)}`), {
      ...manifest,
      versions: { ...manifest.versions, "debian@0.20.0-1": revoked },
    } as Manifest);
    for (const ref of ["stable", "debian@0.20.0-1"]) {
      const { code, stdout, stderr } = await here.run(`resolve ${ref}`);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/revoked: mounts time out/u);
    }
    expect((await here.run("resolve alpine@0.46.0-1")).stderr).toMatch(
      /not deployed in the workspace ws; deploy failed: it failed/u,
    );
    const root = join(work.folder, `place-${String(folders)}`);
    const used = await runProgram(program, [
      "sandbox",
      "run",
      "stable",
      "--repo",
      "a/b",
      "--root",
      root,
      "--",
      "true",
    ]);
    expect([used.code, used.stderr]).toEqual([2, expect.stringMatching(/revoked: mounts time out/u)]);
  });

  it("has the history newest first, of all channels or of one", async () => {
    const here = place();
    await runAll(
      here,
      "promote 0.20.0 stable",
      "promote debian@0.26.0-1 canary",
      "promote debian@0.26.0-1 stable",
    );
    await runAll(here, "rollback stable --template debian --reason slow");
    const answer = JSON.parse((await here.run("history --json")).stdout) as Pick<Manifest, "history"> & {
      ok: true;
    };
    expect(Object.keys(answer)).toEqual(["ok", "history"]);
    expect(answer.history).toEqual([...here.manifest().history].reverse());
    expect(answer.history[0]).toMatchObject({
      channel: "stable",
      template: "debian",
      action: "rollback",
      from: "debian@0.26.0-1",
      to: "debian@0.20.0-1",
      by: ADA,
      reason: "slow",
    });
    const one = JSON.parse((await here.run("history canary --json")).stdout) as Pick<Manifest, "history">;
    expect(one.history.map(({ channel }) => channel)).toEqual(["canary"]);
    const times = here.manifest().history.map(({ at }) => at);
    expect([...times].sort()).toEqual(times);
  });

  it("lists newest first, by status, template and channel, and cuts nothing off when piped", async () => {
    const here = place();
    await runAll(here, "promote 0.20.0 stable");
    const ids = async (line: string): Promise<readonly string[]> =>
      (JSON.parse((await here.run(line)).stdout) as { versions: { id: string }[] }).versions.map(
        ({ id }) => id,
      );
    expect(await ids("list --json")).toEqual([
      "alpine@0.46.0-1",
      "debian@0.46.0-1",
      "debian@0.38.0-1",
      "alpine@0.26.0-1",
      "debian@0.26.0-1",
      "alpine@0.20.0-1",
      "debian@0.20.0-1",
    ]);
    expect(await ids("list --json --status failed")).toEqual(["alpine@0.46.0-1"]);
    expect(await ids("list --json --template debian --channel stable")).toEqual(["debian@0.20.0-1"]);
    const { stdout } = await here.run("list", { COLUMNS: "40" });
    expect(stdout).toMatch(
      /^debian@0\.20\.0-1\s+verified\s+stable\s+\d+d\s+1\.0 kB\s+24\/24\s+sandbox\/mesa-debian:tag0200r1$/mu,
    );
  });

  it("shows a record for each version on a narrow terminal, and leaves nothing out", async () => {
    place();
    const root = join(work.folder, `place-${String(folders)}`);
    const at = async (columns: number): Promise<readonly string[]> => {
      const command = `stty cols ${String(columns)}; ${process.execPath} ${program} list --root ${root}`;
      const { stdout } = await runProgram("", [], {}, [
        "bash",
        "-c",
        `script -qec "${command}" /dev/null </dev/null #`,
      ]);
      return stdout.split("\r\n").filter((line) => line !== "");
    };
    expect((await at(160))[0]).toMatch(/VERSION\s+STATUS\s+CHANNELS\s+AGE\s+SIZE\s+SMOKE\s+IMAGE/u);
    const narrow = await at(44);
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(44);
    expect(narrow.slice(0, 7).map((line) => line.split(/\s+/u)[0])).toEqual([
      ..."VERSION STATUS CHANNELS AGE SIZE SMOKE IMAGE".split(" "),
    ]);
  });
});

describe("a version that a channel points at and that a later verification failed", () => {
  it("is compared by drift, since agents still use it", async () => {
    const promoted = entryOf("debian", "0.20.0");
    const standing = deploymentOf("debian", "0.20.0");
    const verification = standing.verification && { ...standing.verification, failed: 1 };
    const failed = {
      ...promoted,
      status: "failed" as const,
      failure: { stage: "verify", code: "VERIFY_FAILED", message: "it failed", workspace: "ws" },
      deployments: { ws: { ...standing, verification } },
    };
    const here = place([failed, entryOf("debian", "0.15.0")]);
    writeManifest(here.root, { ...here.manifest(), channels: { debian: { stable: promoted.id } } });
    const { stdout } = await here.run("drift --json");
    const { findings } = JSON.parse(stdout) as { findings: { id: string; comparison: string }[] };
    const compared = findings.filter(({ comparison }) => comparison === "blaxel").map(({ id }) => id);
    expect(compared).toEqual([promoted.id, "debian@0.15.0-1"]);
  });
});
