import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../src/docker/index";
import type { CheckResult } from "../../src/smoke/report";
import { runStructureTests } from "../../src/smoke/structure/index";
import { realHost } from "./fixture-image";
import { mesaTemplate, temporaryRoot } from "./program";
import {
  buildCorpusImages,
  CORPUS,
  corpus,
  holdToCorpus,
  imageOf,
  KINDS,
  surprises,
} from "./structure-corpus";

/** Of this run alone: an earlier one that was ended may have left its own. */
const RUN = `structure-tests-${String(process.pid)}`;
const host = realHost(RUN);

let engine: Engine;

beforeAll(async () => {
  engine = await connectEngine(host);
  await buildCorpusImages(host, engine);
});

afterAll(async () => {
  for (const kind of KINDS) await engine.removeImage(imageOf(kind));
});

holdToCorpus(host, () => engine);

it("gives the same verdicts in any order", async () => {
  const file = corpus("commands.yaml");
  const shuffled = [...file.commandTests]
    .map((test, index) => ({ test, at: (index * 7919) % 101 }))
    .sort((a, b) => a.at - b.at);
  const results = await runStructureTests(host, engine, imageOf("Debian-like"), {
    ...file,
    commandTests: shuffled.map(({ test }) => test),
  });
  expect(surprises(results)).toEqual([]);
});

it("leaves no container and no image behind", async () => {
  expect(await engine.containers([`mesa-template.run=${RUN}`])).toEqual([]);
  expect(
    (await engine.images([`mesa-template.run=${RUN}`])).filter((image) => image.tags.length === 0),
  ).toEqual([]);
});

/** Whether a result tells where its test stands, what it expects and what was seen, passed or failed. */
function tellsAll({ name, file, line, outcome, expected, seen }: CheckResult): boolean {
  return [name, file, outcome, expected, seen].every((text) => (text ?? "") !== "") && (line ?? 0) > 0;
}

describe("mesa-template smoke REF", () => {
  const place = temporaryRoot();
  afterAll(() => {
    place.remove();
  });

  it("tells as much of the template's own tests and of those given", async () => {
    const given = join(CORPUS, "commands.yaml");
    const args = [
      "smoke",
      "0.20.0",
      "--template",
      "alpine",
      "--root",
      place.root,
      "--structure-tests",
      given,
    ];
    const ran = await mesaTemplate([...args, "--json"]);
    expect(ran.code, ran.stderr).toBe(6);
    const [result] = ran.json<{ results: { checks: CheckResult[] }[] }>().results;
    const tests = result?.checks.filter((check) => / Tests?(:|$)/u.test(check.name)) ?? [];
    expect(tests.filter((check) => !tellsAll(check))).toEqual([]);
    const own = tests.filter((check) => check.file?.endsWith("templates/alpine/structure-tests.yaml"));
    expect([own.length, new Set(own.map((check) => check.outcome))]).toEqual([5, new Set(["passed"])]);
    expect(tests.filter((check) => check.file === given).length).toBeGreaterThan(95);
  });
});

describe("mesa-template smoke --image", () => {
  it("says which test failed, where it stands and what it means, and writes JUnit XML", async () => {
    const junit = join(CORPUS, "../../../.test-work/structure-junit.xml");
    const ran = await mesaTemplate([
      "smoke",
      "--image",
      imageOf("Debian-like"),
      "--structure-tests",
      join(CORPUS, "files.yaml"),
      "--junit",
      junit,
      "--json",
    ]);
    expect(ran.code).toBe(6);
    const { results } = ran.json<{ results: { failed: number; checks: CheckResult[] }[] }>();
    const ls = results[0]?.checks.find((check) => check.name.endsWith("FAIL setuid as ls writes it"));
    expect(ls).toMatchObject({
      outcome: "failed",
      line: 29,
      expected: "permissions -rwsr-xr-x",
      seen: "urwxr-xr-x",
    });
    expect(ls?.hint).toContain("Go's notation");
    expect(results[0]?.checks.filter((check) => !tellsAll(check))).toEqual([]);
    const xml = readFileSync(junit, "utf8");
    expect(xml).toContain(`failures="${String(results[0]?.failed)}"`);
    expect(xml).toContain('name="File Existence Test: FAIL setuid as ls writes it"');
  });

  it("takes several images, and tells of each in the order they were named", async () => {
    const images = [imageOf("Alpine-like"), imageOf("Debian-like")];
    const files = ["--structure-tests", join(CORPUS, "files.yaml")];
    const named = images.flatMap((image) => ["--image", image]);
    const ran = await mesaTemplate(["smoke", ...named, ...files, "--json"]);
    const { results } = ran.json<{ results: { template: string; checks: CheckResult[] }[] }>();
    expect(results.map(({ template }) => template)).toEqual(images);
    for (const { checks } of results) expect(checks.length).toBeGreaterThan(5);
  });

  it("refuses a broken file with its line, and an image that is not there", async () => {
    const broken = await mesaTemplate([
      "smoke",
      "--image",
      imageOf("Debian-like"),
      "--structure-tests",
      join(CORPUS, "Dockerfile.fixture"),
    ]);
    expect(broken.code).toBe(2);
    const absent = await mesaTemplate([
      "smoke",
      "--image",
      "no-such-image:1",
      "--structure-tests",
      join(CORPUS, "files.yaml"),
      "--json",
    ]);
    expect(absent.code).toBe(2);
    expect(absent.json()).toMatchObject({ error: { code: "NO_SUCH_IMAGE" } });
  });
});
