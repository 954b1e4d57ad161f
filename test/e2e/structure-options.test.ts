import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { connectEngine, type Engine } from "../../src/docker/index";
import type { CheckResult } from "../../src/smoke/report";
import { parseStructureFile, runStructureTests } from "../../src/smoke/structure/index";
import { buildFixture, realHost } from "./fixture-image";
import { pullBase, surprises } from "./structure-corpus";

const RUN = `structure-options-${String(process.pid)}`;
const PLACE = join(import.meta.dirname, "../../.test-work", RUN);
const WITH_SHELL = `${RUN}:shell`;
const WITHOUT_SHELL = `${RUN}:bare`;
const host = realHost(RUN, { ...process.env, GIVEN: "from here", EMPTY: "" });

let engine: Engine;

beforeAll(async () => {
  engine = await connectEngine(host);
  const base = await pullBase(host, engine, "Alpine-like");
  mkdirSync(PLACE, { recursive: true });
  await buildFixture(host, engine, WITH_SHELL, `FROM ${base}\nENV GREETING=hello\nRUN mkdir /mounted`);
  // The programs of this image are one static file, which does what it is called.
  await buildFixture(
    host,
    engine,
    WITHOUT_SHELL,
    `FROM ${base} AS base
FROM scratch
COPY --from=base /bin/busybox /bin/echo
COPY --from=base /bin/busybox /bin/cat
COPY --from=base /bin/busybox /bin/touch
COPY --from=base /etc/passwd /etc/passwd
ENV PATH=/bin`,
  );
});

afterAll(async () => {
  rmSync(PLACE, { recursive: true, force: true });
  for (const image of [WITHOUT_SHELL, WITH_SHELL]) await engine.removeImage(image);
});

async function results(
  image: string,
  file: Readonly<Record<string, unknown>>,
): Promise<readonly CheckResult[]> {
  const parsed = parseStructureFile(stringify({ schemaVersion: "2.0.0", ...file }), "options.yaml");
  return runStructureTests(host, engine, image, parsed);
}

const test = (
  name: string,
  args: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): unknown => ({
  name,
  command: "sh",
  args: ["-c", ...args],
  ...more,
});
const sees = (name: string, variable: string): unknown =>
  test(name, ["env"], { envVars: [{ key: "MINE", value: "mine" }], expectedOutput: [`(?m)^${variable}$`] });

describe("variables of containerRunOptions", () => {
  it("take the place of a test's own", async () => {
    const envFile = join(PLACE, "vars.env");
    writeFileSync(envFile, "export FROM_FILE='a file' # why\n");
    const found = await results(WITH_SHELL, {
      containerRunOptions: { envFile, envVars: ["GIVEN"] },
      commandTests: [
        sees("PASS those of a file", "FROM_FILE=a file"),
        sees("PASS those of this process", "GIVEN=from here"),
        sees("FAIL the test's own", "MINE=mine"),
        sees("PASS the image's", "GREETING=hello"),
        test("PASS what setup was run with stays", ["env"], {
          setup: [["true"]],
          envVars: [{ key: "MINE", value: "mine" }],
          expectedOutput: ["(?m)^MINE=mine$", "(?m)^GIVEN=from here$"],
        }),
      ],
    });
    expect(surprises(found)).toEqual([]);
  });

  it("leave a test its own where nothing is asked for", async () => {
    const found = await results(WITH_SHELL, {
      containerRunOptions: {},
      commandTests: [sees("PASS the test's own", "MINE=mine")],
    });
    expect(surprises(found)).toEqual([]);
  });

  it("fail each command test where one is empty or not set, and no other test", async () => {
    const found = await results(WITH_SHELL, {
      containerRunOptions: { envVars: ["GIVEN", "EMPTY", "NOWHERE_SET"] },
      commandTests: [test("FAIL that needs none", ["true"]), test("FAIL another", ["true"])],
      fileExistenceTests: [{ name: "PASS a file test", path: "/etc/passwd" }],
    });
    expect(surprises(found)).toEqual([]);
    expect(found[0]?.seen).toContain("names EMPTY, NOWHERE_SET, which");
  });
});

it("a global variable without a key fails all but the metadata test", async () => {
  const found = await results(WITH_SHELL, {
    globalEnvVars: [{ key: "", value: "x" }],
    commandTests: [test("FAIL a command", ["true"])],
    fileContentTests: [{ name: "FAIL contents", path: "/etc/passwd" }],
    fileExistenceTests: [{ name: "FAIL existence", path: "/etc/passwd" }],
    metadataTest: { envVars: [{ key: "GREETING", value: "hello" }] },
  });
  expect(surprises(found.slice(0, -1))).toEqual([]);
  expect(found.at(-1)).toMatchObject({ name: "Metadata Test", outcome: "passed" });
});

it("what is mounted is seen by each test after the other, and by file tests", async () => {
  const mounted = join(PLACE, "mounted");
  mkdirSync(mounted);
  writeFileSync(join(mounted, "given"), "by hand\n");
  const found = await results(WITH_SHELL, {
    containerRunOptions: { bindMounts: [`${mounted}:/mounted`] },
    commandTests: [
      test("PASS reads", ["cat /mounted/given"], { expectedOutput: ["by hand"] }),
      test("PASS finds nothing else", ["ls /mounted"], { expectedOutput: ["^given\n$"] }),
      test("PASS writes", ["echo x > /mounted/written"]),
      test("PASS finds what was written", ["ls /mounted"], { expectedOutput: ["written"] }),
    ],
    fileContentTests: [{ name: "PASS contents", path: "/mounted/given", expectedContents: ["by hand"] }],
    fileExistenceTests: [{ name: "PASS existence", path: "/mounted/written", uid: 0 }],
  });
  expect(surprises(found)).toEqual([]);
});

it("an image without a shell gets the verdicts of any other", async () => {
  const command = (
    name: string,
    argv: readonly string[],
    more: Readonly<Record<string, unknown>> = {},
  ): unknown => ({
    name,
    command: argv[0],
    args: argv.slice(1),
    ...more,
  });
  const found = await results(WITHOUT_SHELL, {
    commandTests: [
      command("PASS a program", ["echo", "hi"], { expectedOutput: ["^hi\n$"] }),
      command("PASS its code", ["cat", "/nowhere"], { exitCode: 1, expectedError: ["No such file"] }),
      command("PASS what writes", ["touch", "/written"]),
      command("PASS and is not seen by others", ["cat", "/written"], { exitCode: 1 }),
      command("FAIL a shell", ["sh", "-c", "true"]),
      command("FAIL a program that is not there", ["ls"], { exitCode: 127 }),
    ],
    fileExistenceTests: [
      { name: "PASS a file", path: "/bin/cat", isExecutableBy: "any" },
      { name: "PASS no shell", path: "/bin/sh", shouldExist: false },
    ],
    fileContentTests: [{ name: "PASS contents", path: "/etc/passwd", expectedContents: ["root"] }],
    metadataTest: { envVars: [{ key: "PATH", value: "/bin" }] },
  });
  expect(surprises(found.slice(0, -1))).toEqual([]);
  expect(found.at(-1)?.outcome).toBe("passed");
});
