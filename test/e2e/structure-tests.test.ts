import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { connectEngine, type Engine } from "../../src/docker/index";
import { loadUpstream } from "../../src/lock/upstream";
import type { CheckResult } from "../../src/smoke/report";
import { parseStructureFile, runStructureTests, type StructureFile } from "../../src/smoke/structure/index";
import { buildFixture, realHost } from "./fixture-image";
import { mesaTemplate, temporaryRoot } from "./program";

const CORPUS = join(import.meta.dirname, "structure-corpus");
const RUN = "structure-tests";
const host = realHost(RUN);

const BASES = {
  "Debian-like": "docker.io/library/debian:bookworm-slim",
  "Alpine-like": "docker.io/library/alpine:3.21",
};
const imageOf = (kind: string): string => `structure-fixture:${kind.toLowerCase()}`;
let engine: Engine;

function corpus(name: string): StructureFile {
  return parseStructureFile(readFileSync(join(CORPUS, name), "utf8"), name);
}

/** Results whose verdict is not the first word of their name. A test without a name fails. */
function surprises(results: readonly CheckResult[]): readonly string[] {
  return results
    .filter((result) => (/: PASS /u.test(result.name) ? "passed" : "failed") !== result.outcome)
    .map(
      (result) =>
        `${result.name}: ${result.outcome}; expected ${result.expected ?? "-"}, seen ${result.seen ?? "-"}`,
    );
}

beforeAll(async () => {
  engine = await connectEngine(host);
  const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
  for (const [kind, base] of Object.entries(BASES)) {
    const mirrored = `${mirrors.images ?? ""}${base}`;
    await engine.pull({ reference: mirrored, platform: "linux/amd64", signal: host.signal });
    const dockerfile = readFileSync(join(CORPUS, "Dockerfile.fixture"), "utf8");
    await buildFixture(host, engine, imageOf(kind), dockerfile, { buildArgs: { BASE: mirrored } });
  }
});

afterAll(async () => {
  for (const kind of Object.keys(BASES)) await engine.removeImage(imageOf(kind));
});

/** Metadata tests: each is one result of a file of its own. */
const METADATA: readonly (readonly ["PASS" | "FAIL", Readonly<Record<string, unknown>>])[] = [
  ["PASS", { envVars: [{ key: "GREETING", value: "hello" }] }],
  ["FAIL", { envVars: [{ key: "GREETING", value: "hell" }] }],
  ["PASS", { envVars: [{ key: "GREETING", value: "^he(l+)o$", isRegex: true }] }],
  ["PASS", { envVars: [{ key: "GREETING", value: "ell", isRegex: true }] }],
  ["FAIL", { envVars: [{ key: "GREETING", value: "a(?=b)", isRegex: true }] }],
  ["FAIL", { envVars: [{ key: "NOWHERE", value: "" }] }],
  ["PASS", { unboundEnvVars: [{ key: "NOWHERE" }] }],
  ["FAIL", { unboundEnvVars: [{ key: "GREETING" }] }],
  ["PASS", { labels: [{ key: "team", value: "templates" }] }],
  ["PASS", { labels: [{ key: "version", value: "^\\d+\\.\\d+", isRegex: true }] }],
  ["FAIL", { labels: [{ key: "nobody", value: "x" }] }],
  ["PASS", { entrypoint: ["/opt/tools/tool"] }],
  ["FAIL", { entrypoint: [] }],
  ["FAIL", { entrypoint: ["tool"] }],
  ["PASS", { cmd: ["arg", "two words"] }],
  ["FAIL", { cmd: ["arg two words"] }],
  ["PASS", { exposedPorts: ["8080"] }],
  ["PASS", { exposedPorts: [8080, 9000] }],
  ["FAIL", { exposedPorts: ["8080/tcp"] }],
  ["FAIL", { exposedPorts: ["80"] }],
  ["PASS", { unexposedPorts: ["80", "8080/tcp"] }],
  ["FAIL", { unexposedPorts: ["8080"] }],
  ["PASS", { volumes: ["/vol"] }],
  ["FAIL", { volumes: ["/vol/"] }],
  ["PASS", { unmountedVolumes: ["/other"] }],
  ["FAIL", { unmountedVolumes: ["/vol"] }],
  ["PASS", { workdir: "/work" }],
  ["FAIL", { workdir: "/work/" }],
  ["FAIL", { user: "root" }],
  ["FAIL", { workdir: "/work", user: "root", exposedPorts: ["8080"] }],
];

describe.each(Object.keys(BASES))("the corpus on a %s image", (kind) => {
  it("gets the verdict that each command test must get", async () => {
    const results = await runStructureTests(host, engine, imageOf(kind), corpus("commands.yaml"));
    expect(results.length).toBeGreaterThan(95);
    expect(surprises(results)).toEqual([]);
  });

  it("gets the verdict that each file test must get", async () => {
    const results = await runStructureTests(host, engine, imageOf(kind), corpus("files.yaml"));
    expect(results.length).toBeGreaterThanOrEqual(70);
    expect(surprises(results)).toEqual([]);
  });

  it("gets the verdict that each metadata test must get", async () => {
    for (const [verdict, metadataTest] of METADATA) {
      const file = parseStructureFile(stringify({ schemaVersion: "2.0.0", metadataTest }), "metadata.yaml");
      const [result] = await runStructureTests(host, engine, imageOf(kind), file);
      expect([metadataTest, result?.outcome, result?.seen]).toEqual([
        metadataTest,
        verdict === "PASS" ? "passed" : "failed",
        result?.seen,
      ]);
    }
  });

  it("expands global variables from the image's", async () => {
    const file = parseStructureFile(
      stringify({
        schemaVersion: "2.0.0",
        globalEnvVars: [
          { key: "PATH", value: "/d:$PATH" },
          { key: "TWICE", value: "$GREETING $GREETING" },
        ],
        commandTests: [
          {
            name: "PASS in arguments",
            command: "echo",
            args: ["$TWICE"],
            expectedOutput: ["^hello hello\n$"],
          },
          {
            name: "PASS in the environment",
            command: "env",
            expectedOutput: ["(?m)^PATH=/d:/opt/tools:"],
          },
        ],
      }),
      "globals.yaml",
    );
    expect(surprises(await runStructureTests(host, engine, imageOf(kind), file))).toEqual([]);
  });
});

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
      line: 26,
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
