import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askBlaxel } from "./deploy/deploy-place";
import { withoutPassing } from "./golden-text";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "./program";
import { faultsOff, resetWorld, state, wish } from "./world";

const GOLDEN = resolve(import.meta.dirname, "../golden/compare");
const place = temporaryRoot();

/** Somebody who commits, whatever the machine's git knows. */
const SOMEBODY = {
  GIT_AUTHOR_NAME: "Somebody",
  GIT_AUTHOR_EMAIL: "somebody@example.org",
  GIT_COMMITTER_NAME: "Somebody",
  GIT_COMMITTER_EMAIL: "somebody@example.org",
};

function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return mesaTemplate([...args, "--root", place.root], options);
}

async function succeed(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const ran = await run(args, options);
  expect(ran.code, `${args.join(" ")}\n${ran.stderr}`).toBe(0);
  return ran;
}

function git(...args: readonly string[]): string {
  return execFileSync("git", ["-C", place.root, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...SOMEBODY },
  }).trim();
}

interface Finding {
  readonly comparison: string;
  readonly id: string;
  readonly differs: readonly string[];
  readonly skipped?: string;
}

interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

beforeAll(async () => {
  await resetWorld();
  // The newest that an API key is enough for is the newest here.
  await wish({ removeVersion: "0.49.1" });
  await succeed(["release", "0.15.0", "--no-deploy"]);
}, 300_000);
afterEach(faultsOff);
afterAll(async () => {
  await resetWorld();
  place.remove();
});

describe("upgrade", () => {
  it.each([
    ["0.15.0", "0.20.0"],
    ["0.20.0", "0.46.0"],
  ])("from %s to %s shows what would change, in words a person wants to read", async (from, to) => {
    const ran = await succeed(["upgrade", to]);
    await expect(withoutPassing(ran.stdout)).toMatchFileSnapshot(join(GOLDEN, `upgrade-${from}-${to}.txt`));
    expect(
      (await succeed(["list", "--json"])).json<{ versions: { status: string }[] }>().versions[0],
    ).toMatchObject({
      mesaVersion: to,
      status: "smoked",
    });
  });

  it("takes the newest when no version is given, and has nothing to do when that is there", async () => {
    const ran = await succeed(["upgrade", "--json"]);
    const { version, plans } = ran.json<{
      version: string;
      plans: { inputs: unknown[]; rendered: unknown[] }[];
    }>();
    expect(version).toBe("0.46.0");
    expect(plans.map(({ inputs, rendered }) => [inputs, rendered])).toEqual([
      [[], []],
      [[], []],
    ]);
  });

  it("refuses to go back, and to upgrade what was never released", async () => {
    const back = await run(["upgrade", "0.20.0", "--json"]);
    expect([back.code, back.json<ErrorAnswer>().error.hint]).toEqual([
      2,
      expect.stringContaining("rollback"),
    ]);
    const empty = temporaryRoot();
    const first = await mesaTemplate(["upgrade", "0.20.0", "--root", empty.root, "--json"]);
    empty.remove();
    expect([first.code, first.json<ErrorAnswer>().error.hint]).toEqual([
      2,
      expect.stringContaining("release"),
    ]);
  });

  it("builds nothing with --dry-run, and shows what is known without", async () => {
    const ran = await succeed(["upgrade", "0.47.0-rc.1", "--dry-run", "--json"], {
      env: { DOCKER_HOST: "unix:///nowhere.sock" },
    });
    const { plans } = ran.json<{ plans: { built: unknown; inputs: { name: string; to: string }[] }[] }>();
    expect(plans.map(({ built }) => built)).toEqual([null, null]);
    expect(plans[0]?.inputs[0]).toMatchObject({ name: "mesa", to: "0.47.0-rc.1" });
    expect(existsSync(join(place.root, "dockerfiles/alpine/0.47.0-rc.1"))).toBe(false);
    const again = await succeed(["upgrade", "0.46.0", "--dry-run"]);
    expect(again.stdout.match(/no differences/gu)).toHaveLength(2);
    expect(again.stdout).not.toContain("Deploy it");
  });

  it("commits on a new branch and leaves the working tree unchanged", async () => {
    writeFileSync(join(place.root, ".gitignore"), ".mesa-template/\n");
    git("init", "--quiet", "--initial-branch=main");
    const without = await run(["upgrade", "0.47.0-rc.1", "--branch", "--json"], { env: SOMEBODY });
    expect([without.code, without.json<ErrorAnswer>().error.code]).toEqual([2, "BRANCH_NOT_POSSIBLE"]);
    git("add", "--all");
    git("commit", "--quiet", "--message", "before");
    const before = readFileSync(join(place.root, "dockerfiles/manifest.json"), "utf8");
    const ran = await succeed(["upgrade", "0.47.0-rc.1", "--branch", "--json"], { env: SOMEBODY });
    const { branch, commit } = ran.json<{ branch: string; commit: string }>();
    expect(branch).toBe("mesa-template/upgrade-0.47.0-rc.1");
    expect(git("rev-parse", branch)).toBe(commit);
    expect([git("status", "--porcelain"), git("branch", "--show-current")]).toEqual(["", "main"]);
    expect(readFileSync(join(place.root, "dockerfiles/manifest.json"), "utf8")).toBe(before);
    const committed = git("diff", "--name-only", "main", branch).split("\n");
    expect(committed).toContain("dockerfiles/debian/0.47.0-rc.1/lock.json");
    expect(committed.filter((path) => !path.startsWith("dockerfiles/"))).toEqual([]);
    expect(git("show", "--no-patch", "--format=%B", branch)).toContain("mesa: 0.46.0 → 0.47.0-rc.1");
    const again = await run(["upgrade", "0.47.0-rc.1", "--branch", "--json"], { env: SOMEBODY });
    expect([again.code, again.json<ErrorAnswer>().error.message]).toEqual([
      2,
      expect.stringContaining(branch),
    ]);
  });

  it("deploys with --deploy, after the plan, the image that was compared", async () => {
    const ran = await succeed(["upgrade", "0.46.0", "--deploy", "--force", "--template", "alpine", "--json"]);
    const [result] = ran.json<{ results: { status: string; stages: readonly unknown[] }[] }>().results;
    expect(result).toMatchObject({
      status: "verified",
      stages: expect.arrayContaining([
        expect.objectContaining({ stage: "build", outcome: "reused" }),
        expect.objectContaining({ stage: "smoke", outcome: "reused" }),
      ]) as unknown,
    });
  });
});

describe("diff and notes", () => {
  const noEngine = { DOCKER_HOST: "unix:///nowhere.sock" };

  it("compare what was recorded: no engine is needed", async () => {
    const ran = await succeed(["diff", "debian@0.15.0-1", "debian@0.46.0-1"], { env: noEngine });
    await expect(withoutPassing(ran.stdout)).toMatchFileSnapshot(
      join(GOLDEN, "diff-debian-0.15.0-0.46.0.txt"),
    );
    const notes = await succeed(["notes", "debian@0.46.0-1", "--since", "0.15.0"], { env: noEngine });
    await expect(withoutPassing(notes.stdout)).toMatchFileSnapshot(join(GOLDEN, "notes-debian-0.46.0.md"));
  });

  it("compare templates with each other when two ids are given", async () => {
    const { comparisons } = (await succeed(["diff", "alpine@0.46.0-1", "debian@0.46.0-1", "--json"])).json<{
      comparisons: {
        built: {
          packages: { name: string; from: string | null; to: string | null }[];
          files: { added: string[]; removed: string[]; setuid: { added: string[] } };
        };
      }[];
    }>();
    const [built] = comparisons.map((comparison) => comparison.built);
    expect(built?.packages.find(({ name }) => name === "gcompat")).toMatchObject({ to: null });
    expect(built?.packages.find(({ name }) => name === "apt")).toMatchObject({ from: null });
    expect(built?.files.added).toContain("/usr/bin/dpkg");
    expect(built?.files.removed).toContain("/sbin/apk");
    expect(built?.files.setuid.added).toContain("/usr/bin/chage");
  });

  it("say no differences for a version and itself, and which record is missing", async () => {
    expect((await succeed(["diff", "alpine@0.20.0-1", "alpine@0.20.0-1"])).stdout).toContain(
      "no differences",
    );
    const unknown = await run(["diff", "alpine@0.20.0-1", "alpine@9.9.9-1", "--json"]);
    expect(unknown.code).toBe(2);
  });
});

describe("what is kept of a build", () => {
  const records = (template: string): string => join(place.root, "dockerfiles", template, "0.46.0/records/1");

  it.each(["alpine", "debian"])("an SBOM of %s that CycloneDX's own schema takes", async (template) => {
    const text = readFileSync(join(records(template), "sbom.cdx.json"), "utf8");
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
    const lock = JSON.parse(readFileSync(join(records(template), "../../lock.json"), "utf8")) as {
      deb: { sha256: string };
      sandboxApi: { platformDigest: string };
    };
    const { components } = JSON.parse(text) as {
      components: { name: string; purl: string; hashes?: { content: string }[] }[];
    };
    const hashes = components.flatMap((component) => component.hashes?.map(({ content }) => content) ?? []);
    expect(hashes).toContain(lock.deb.sha256);
    expect(hashes).toContain(lock.sandboxApi.platformDigest.replace("sha256:", ""));
    expect(components.find(({ name }) => name === "ca-certificates")?.purl).toMatch(/^pkg:(?:apk|deb)\//u);
    const tampered = text.replace('"type": "container"', '"type": "nonsense"');
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(tampered)).not.toBeNull();
  });

  it.each(["alpine", "debian"])("a provenance of %s that names inputs and result by digest", (template) => {
    const statement = JSON.parse(readFileSync(join(records(template), "provenance.intoto.json"), "utf8")) as {
      _type: string;
      predicateType: string;
      subject: { digest: { sha256: string } }[];
      predicate: { buildDefinition: { resolvedDependencies: { uri?: string; digest: unknown }[] } };
    };
    const { image } = JSON.parse(readFileSync(join(records(template), "record.json"), "utf8")) as {
      image: { id: string };
    };
    expect([statement._type, statement.predicateType]).toEqual([
      "https://in-toto.io/Statement/v1",
      "https://slsa.dev/provenance/v1",
    ]);
    expect(`sha256:${statement.subject[0]?.digest.sha256 ?? ""}`).toBe(image.id);
    const uris = statement.predicate.buildDefinition.resolvedDependencies.flatMap(({ uri }) => uri ?? []);
    expect(uris.some((uri) => uri.endsWith("mesa_0.46.0_amd64.deb"))).toBe(true);
    expect(uris.filter((uri) => /^docker:\/\/.+@sha256:[0-9a-f]{64}$/u.test(uri))).toHaveLength(2);
  });
});

describe("drift", () => {
  const drift = async (
    id = "alpine@0.46.0-1",
  ): Promise<{ readonly code: number | null; readonly found: readonly Finding[] }> => {
    const ran = await run(["drift", id, "--json"]);
    const { findings } = ran.json<{ findings: readonly Finding[] }>();
    return { code: ran.code, found: findings.filter(({ differs }) => differs.length > 0) };
  };

  it("finds no drift after all five comparisons", async () => {
    const ran = await succeed(["drift", "alpine@0.46.0-1", "--json"]);
    const { findings } = ran.json<{ findings: readonly Finding[] }>();
    expect(findings.map(({ comparison, differs, skipped }) => [comparison, differs, skipped])).toEqual(
      ["rendered-files", "upstream-tags", "mesa-package", "blaxel", "local-images"].map((name) => [
        name,
        [],
        undefined,
      ]),
    );
  });

  it("is found in a rendered file that was edited", async () => {
    const file = join(place.root, "dockerfiles/alpine/0.46.0/Dockerfile");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, `${text}# edited\n`);
    const { code, found } = await drift();
    writeFileSync(file, text);
    expect([code, found]).toEqual([
      9,
      [expect.objectContaining({ comparison: "rendered-files", differs: ["Dockerfile differs"] })],
    ]);
  });

  it("is found in a tag that points elsewhere now", async () => {
    await wish({ newer: { name: "docker.io/library/alpine", tag: "3.21" } });
    const { code, found } = await drift();
    expect([code, found.map(({ comparison }) => comparison)]).toEqual([9, ["upstream-tags"]]);
    expect(found[0]?.differs[0]).toContain("docker.io/library/alpine:3.21 now points at");
    await wish({ newer: { name: "docker.io/library/alpine", tag: "3.20" } });
  });

  it("is found in a package that left the repository", async () => {
    await wish({ removeVersion: "0.46.0" });
    const { code, found } = await drift();
    expect(code).toBe(9);
    expect(found.find(({ comparison }) => comparison === "mesa-package")?.differs[0]).toContain(
      "no longer listed",
    );
  });

  it("is found on Blaxel: a sandbox on another image, a tag that is gone", async () => {
    const bl = (...command: readonly string[]): unknown =>
      execFileSync("bl", ["delete", ...command], { env: process.env, stdio: "ignore" });
    bl("sandbox", "mesa-alpine");
    const other = {
      metadata: { name: "mesa-alpine" },
      spec: { runtime: { image: "blaxel/base-image:latest" } },
    };
    expect((await askBlaxel("POST", "/sandboxes", other)).status).toBe(200);
    const onBlaxel = async (): Promise<readonly string[]> =>
      (await drift()).found.find(({ comparison }) => comparison === "blaxel")?.differs ?? [];
    expect(await onBlaxel()).toEqual([
      expect.stringMatching(/^the sandbox mesa-alpine runs blaxel\/base-image:latest/u),
    ]);
    const { images } = await state();
    const tags = images.find(({ name }) => name === "sandbox/mesa-alpine")?.tags ?? [];
    bl("sandbox", "mesa-alpine");
    for (const tag of tags) bl("image", `sandbox/mesa-alpine:${tag}`);
    expect(await onBlaxel()).toEqual([expect.stringMatching(/^Blaxel has no sandbox\/mesa-alpine:/u)]);
  });

  it("is found in a local image that is another one, and the packages it has instead are named", async () => {
    const referenceOf = (version: string): string => {
      const path = join(place.root, "dockerfiles/debian", version, "records/1/record.json");
      const { inputsDigest } = JSON.parse(readFileSync(path, "utf8")) as { inputsDigest: string };
      return `mesa-template/debian:${version}-${inputsDigest.replace("sha256:", "").slice(0, 12)}`;
    };
    const reference = referenceOf("0.46.0");
    const own = execFileSync("docker", ["images", "-q", reference], { encoding: "utf8" }).trim();
    execFileSync("docker", ["tag", referenceOf("0.15.0"), reference]);
    const { code, found } = await drift("debian@0.46.0-1");
    execFileSync("docker", ["tag", own, reference]);
    expect(code).toBe(9);
    expect(found.find(({ comparison }) => comparison === "local-images")?.differs).toEqual([
      expect.stringContaining("recorded is"),
      "the same lock installed other packages: mesa 0.46.0 → 0.15.0",
    ]);
  });
});

describe("a fresh lock", () => {
  beforeAll(resetWorld);

  it("is what a version is compared with when no other is named", async () => {
    expect((await succeed(["diff", "alpine@0.46.0-1"])).stdout).toContain("no differences");
    await wish({ newer: { name: "docker.io/library/alpine", tag: "3.21" } });
    const { comparisons } = (await succeed(["diff", "alpine@0.46.0-1", "--json"])).json<{
      comparisons: { inputs: { name: string }[]; rendered: { file: string }[]; built: unknown }[];
    }>();
    expect(comparisons[0]?.inputs.map(({ name }) => name)).toEqual(["base"]);
    expect(comparisons[0]?.rendered.map(({ file }) => file)).toEqual(["Dockerfile"]);
    expect(comparisons[0]?.built).toBeNull();
    await wish({ newer: { name: "ghcr.io/blaxel-ai/sandbox", tag: "0.2.51", from: "0.2.50" } });
    await wish({ removeVersion: "0.49.1" });
    await wish({ addVersion: "0.48.0" });
    const outdated = await run(["outdated"]);
    expect(outdated.code).toBe(9);
    await expect(withoutPassing(outdated.stdout)).toMatchFileSnapshot(join(GOLDEN, "outdated.txt"));
  });
});
