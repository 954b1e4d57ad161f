import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { jsonSchemas } from "../../../../src/cli/json-schemas";
import { bytes, milliseconds } from "../../../../src/smoke/checks-file/schema";
import { parseChecksFile } from "../../../../src/smoke/checks-file/parse";

const ROOT = join(import.meta.dirname, "../../../..");
const FILES = ["templates/debian/checks.yaml", "templates/alpine/checks.yaml"];
const CORPUS = "test/e2e/images/checks-corpus/each-kind.yaml";

function message(source: string): string {
  try {
    parseChecksFile(source, "c.yaml");
  } catch (error) {
    return (error as Error).message;
  }
  return "it was taken";
}

const one = (lines: string): string => `schemaVersion: 1\nchecks:\n  - name: a\n${lines}`;

/** What is wrong, and what has to be said of it; all of them are wrong for the JSON Schema too, unless said otherwise. */
const BROKEN: readonly (readonly [source: string, said: string, schemaTakesIt?: boolean])[] = [
  ["", "c.yaml:1: the file must be a mapping with schemaVersion and checks, not nothing."],
  ["checks: []", "c.yaml:1: schemaVersion must be 1, not nothing."],
  ["schemaVersion: 2\nchecks: [{name: a, command: x}]", "c.yaml:1: schemaVersion must be 1, not 2."],
  ["schemaVersion: 1\nchecks: []", "c.yaml:2: checks must be a list that is not empty"],
  ["schemaVersion: 1\nchecks: x", 'c.yaml:2: checks must be a list, not "x".'],
  ["schemaVersion: 1\nnonsense: 1\nchecks: [{name: a, command: x}]", "c.yaml:2: there is no field nonsense."],
  ["schemaVersion: 1\nchecks:\n  - command: x\n", "c.yaml:3: checks[0].name must be a text"],
  [one(""), "c.yaml:3: checks[0] checks nothing"],
  [one("    command: x\n    http: {}\n"), "c.yaml:5: checks[0] has both command and http"],
  [one("    command: x\n    exitcode: 1\n"), "c.yaml:5: there is no field checks[0].exitcode."],
  [one("    command: []\n"), "c.yaml:4: checks[0].command must be a shell command, or a list"],
  [one("    command: [sleep, 1]\n"), "a list of texts (a program and its arguments), not a list with 1."],
  [one("    command: x\n    stdout: [5]\n"), "c.yaml:5: checks[0].stdout must be an RE2 expression"],
  [one("    command: x\n    exitCode: 300\n"), "c.yaml:5: checks[0].exitCode must be an exit code, not 300."],
  [one("    command: x\n    timeLimit: 10\n"), "c.yaml:5: checks[0].timeLimit must be a duration"],
  [
    one("    http: {}\n    timeLimit: 0s\n"),
    'timeLimit must be a duration above zero such as 10s or 2m, not "0s".',
  ],
  [one("    command: x\n    retry: { every: 1s }\n"), "c.yaml:5: checks[0].retry.for must be"],
  [one("    command: x\n    env: { 1A: x }\n"), '"1A" in checks[0].env is not a name of a variable'],
  [one("    command: x\n    devices: [fuse]\n"), "c.yaml:5: checks[0].devices[0] must be a path below /dev"],
  [one("    http: { port: 70000 }\n"), "c.yaml:4: checks[0].http.port must be a port number, not 70000."],
  [one("    http:\n      path: x\n"), "c.yaml:5: checks[0].http.path must be a path that begins with /"],
  [one("    http: {}\n    user: x\n"), "c.yaml:5: checks[0].user applies to a service", true],
  [one("    listening: []\n"), "c.yaml:4: checks[0].listening must be a list of ports that is not empty"],
  [one("    history: a(?=b)\n"), "c.yaml:4: checks[0].history: a(?=b) is not an RE2 expression", true],
  [
    one("    command: x\n    stdout: { match: ['('] }\n"),
    "c.yaml:5: checks[0].stdout: ( is not an RE2",
    true,
  ],
  [one("    size: 3 miles\n"), "c.yaml:4: checks[0].size must be a number of bytes"],
  [one("    file: { path: etc }\n"), "c.yaml:4: checks[0].file.path must be an absolute path"],
  [
    one("    file: { path: /x, mode: rwx }\n"),
    "c.yaml:4: checks[0].file.mode must be permission bits in octal",
  ],
  [one("    file: { path: /x, mode: 888 }\n"), "checks[0].file.mode must be permission bits in octal", true],
  [one("    file: { path: /x, type: pipe }\n"), "checks[0].file.type must be file, directory or link"],
  [
    one("    file:\n      path: /x\n      contents: ['(']\n"),
    "c.yaml:6: checks[0].file.contents: ( is not an RE2",
    true,
  ],
  [
    one("    file: { path: /x, exists: false, mode: 755 }\n"),
    "checks[0].file.mode cannot be combined with exists: false",
    true,
  ],
  [one("    file: { path: /x }\n    user: root\n"), "c.yaml:5: there is no field checks[0].user."],
  [one("    image: { workdir: /x }\n"), "c.yaml:4: there is no field checks[0].image.workdir."],
  [one("    image: { ports: [none] }\n"), "checks[0].image.ports[0] must be a port such as 8080"],
  [one("    image: { entrypoint: x }\n"), "checks[0].image.entrypoint must be a list of texts"],
  [
    one("    image:\n      labels: { a.b: { match: '(' } }\n"),
    "c.yaml:5: checks[0].image.labels.a.b: ( is not an RE2",
    true,
  ],
  ["schemaVersion: 1\nchecks: [", "c.yaml:2: "],
  [one("    command: x\n---\na: b\n"), "c.yaml:5: a second YAML document begins here."],
  [one("\tcommand: x\n"), "c.yaml:4: Tabs are not allowed as indentation."],
  [
    "schemaVersion: 1\nschemaVersion: 1\nchecks: [{name: a, command: x}]",
    "c.yaml:2: Map keys must be unique",
  ],
];

it("keeps the digits of a mode as YAML 1.2 writes octal numbers", () => {
  const { entries } = parseChecksFile(one("    file: { path: /x, mode: 0o644 }\n"), "c.yaml");
  expect(entries[0]?.entry).toMatchObject({ file: { mode: "0o644" } });
});

it("keeps what is written where it is a text, though YAML reads a number or a boolean: variables, labels and users", () => {
  const { entries } = parseChecksFile(
    [
      "schemaVersion: 1",
      "checks:",
      "  - name: a",
      "    command: x",
      "    user: 0755",
      "    env: &shared { PYTHON_VERSION: &version 3.10, MODE: 0755, EXPONENT: 1e3, ON: True, TEXT: '1.20', PORT: &port 3000 }",
      "  - { name: b, command: x, exitCode: 010, env: { <<: *shared, OTHER: *version } }",
      "  - { name: c, http: { port: *port } }",
      "  - { name: d, image: { user: 010, env: { V: 1.20, NONE: ~ }, labels: { v: 2.0, n: { match: a } } } }",
    ].join("\n"),
    "c.yaml",
  );
  const shared = {
    PYTHON_VERSION: "3.10",
    MODE: "0755",
    EXPONENT: "1e3",
    ON: "True",
    TEXT: "1.20",
    PORT: 3000,
  };
  expect(entries.map(({ entry }) => entry)).toEqual([
    { name: "a", command: "x", user: "0755", env: shared },
    { name: "b", command: "x", exitCode: 10, env: { ...shared, OTHER: "3.10" } },
    { name: "c", http: { port: 3000 } },
    {
      name: "d",
      image: { user: "010", env: { V: "1.20", NONE: null }, labels: { v: "2.0", n: { match: "a" } } },
    },
  ]);
});

describe("a check file", () => {
  it.each(BROKEN.map(([source, said]) => [source, said] as const))(
    "is refused with the line and the reason: %j",
    (source, said) => {
      expect(message(source)).toContain(said);
    },
  );

  it("is read with its lines, anchors and merge keys, and Windows line ends", () => {
    const { entries } = parseChecksFile(
      "schemaVersion: 1\r\nchecks:\r\n  - &first\r\n    name: a\r\n    command: x\r\n    user: 1000\r\n  - <<: *first\r\n    name: b\r\n",
      "c.yaml",
    );
    expect(entries).toEqual([
      { line: 4, entry: { name: "a", command: "x", user: 1000 } },
      { line: 7, entry: { name: "b", command: "x", user: 1000 } },
    ]);
  });

  it("is refused with the line of an alias that names nothing, and where aliases multiply without end", () => {
    expect(message(one("    command: x\n    stdout: [*typo]\n"))).toMatch(
      /^c\.yaml:5: Unresolved alias.*typo/u,
    );
    const doubled = Array.from({ length: 30 }, (_, index) => {
      const name = `a${String(index + 1)}`;
      return `${name}: &${name} [*a${String(index)}, *a${String(index)}]`;
    });
    expect(message(["a0: &a0 [x, x]", ...doubled, "checks: *a30"].join("\n"))).toMatch(
      /^c\.yaml:\d+: Excessive alias count/u,
    );
  });

  it("counts time and size as they are written", () => {
    expect(["500ms", "1.5s", "2m"].map(milliseconds)).toEqual([500, 1500, 120_000]);
    expect([12, "300 MB", "1.5KiB"].map(bytes)).toEqual([12, 300_000_000, 1536]);
  });
});

describe("the JSON Schema of check files", () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
    jsonSchemas()["checks"] ?? {},
  );

  it.each([...FILES, CORPUS])("takes what the program takes: %s", (file) => {
    const source = readFileSync(join(ROOT, file), "utf8");
    expect(parseChecksFile(source, file).entries.length).toBeGreaterThan(3);
    expect(validate(parse(source)), JSON.stringify(validate.errors)).toBe(true);
  });

  it("refuses what the program refuses, as far as a schema can say it", () => {
    const values = BROKEN.slice(0, -4).map(
      ([source, said, taken]) => [said, parse(source) as unknown, taken] as const,
    );
    const different = values.filter(([, value, taken]) => validate(value) !== (taken ?? false));
    expect(different.map(([said]) => said)).toEqual([]);
  });
});
