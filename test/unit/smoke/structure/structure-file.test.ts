import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStructureFile } from "../../../../src/smoke/structure/parse";
import { environmentOf, expand } from "../../../../src/smoke/structure/expand";
import { goMode } from "../../../../src/smoke/structure/go-mode";
import { batchRan, type Invocation } from "../../../../src/smoke/structure/command-batch";
import type { Failure } from "../../../../src/support/errors";

function refusal(text: string, name = "tests.yaml"): string {
  try {
    parseStructureFile(text, name);
  } catch (error) {
    expect(error).toMatchObject({ code: "STRUCTURE_TESTS_INVALID", kind: "usage" });
    return (error as Failure).message;
  }
  throw new Error("it was taken");
}

const head = 'schemaVersion: "2.0.0"\n';

describe("a broken test file is refused with file and line", () => {
  it.each([
    ["an unknown key", `${head}nonsense: 1\n`, "tests.yaml:2: there is no field nonsense"],
    [
      "an unknown key of a test",
      `${head}commandTests:\n  - name: a\n    comand: b\n`,
      "tests.yaml:4: there is no field comand in commandTests[0]",
    ],
    [
      "a list where a text belongs",
      `${head}commandTests:\n  - name: a\n    command: [b]\n`,
      "tests.yaml:4: commandTests[0].command must be a text, not a list",
    ],
    [
      "a text where a list belongs",
      `${head}commandTests:\n  - name: a\n    args: x\n`,
      "tests.yaml:4: commandTests[0].args must be a list",
    ],
    [
      "a text where a number belongs",
      `${head}commandTests:\n  - {name: a, command: b, exitCode: "0"}\n`,
      "tests.yaml:3:",
    ],
    ["no version", "commandTests: []\n", "schemaVersion is missing"],
    ["another version", 'schemaVersion: "9.0.0"\n', "schemaVersion is 9.0.0"],
    ["no tests", head, "it holds no tests"],
    ["no YAML", `${head}commandTests: [\n`, "tests.yaml:"],
    ["a key twice", `${head}commandTests: []\ncommandTests: []\n`, "tests.yaml:3:"],
  ])("%s", (_, text, message) => {
    expect(refusal(text)).toContain(message);
  });
});

describe("what YAML itself allows is read", () => {
  it("anchors, aliases and merge keys, the last of a name winning", () => {
    const { commandTests } = parseStructureFile(
      `${head}commandTests:\n  - &base\n    name: a\n    command: sh\n    args: &args [-c, "true"]\n  - <<: *base\n    name: b\n  - { name: c, command: x, args: *args }\n  - *base\n`,
      "t.yaml",
    );
    expect(commandTests.map(({ name, command, args }) => [name, command, ...args])).toEqual([
      ["a", "sh", "-c", "true"],
      ["b", "sh", "-c", "true"],
      ["c", "x", "-c", "true"],
      ["a", "sh", "-c", "true"],
    ]);
    const late = parseStructureFile(
      `${head}commandTests:\n  - &one {name: a, command: x}\n  - &two {name: b, args: [y]}\n  - {name: c, <<: [*one, *two]}\n`,
      "t.yaml",
    );
    expect(late.commandTests[2]).toMatchObject({ name: "a", command: "x", args: ["y"] });
    expect(refusal(`${head}x: &x {nme: a}\n`)).toContain("no field x");
    expect(refusal(`${head}commandTests:\n  - <<: {nme: a}\n    name: a\n`)).toContain("no field nme");
  });

  it("Windows line ends, comments, and the first of several documents", () => {
    const { commandTests } = parseStructureFile(
      "# first\r\nschemaVersion: 2.0.0 # unquoted\r\ncommandTests:\r\n  - name: a\r\n    command: sh\r\n    args:\r\n      - -c\r\n      - |\r\n        one\r\n        two\r\n---\r\nnonsense: 1\r\n",
      "t.yaml",
    );
    expect(commandTests[0]?.args).toEqual(["-c", "one\ntwo\n"]);
    expect(refusal("")).toBe("tests.yaml:1: it is empty.");
  });
});

describe("YAML 1.1 as Go reads it", () => {
  const test = (field: string): unknown =>
    parseStructureFile(`${head}commandTests: [{name: a, command: x, ${field}}]\n`, "t.yaml").commandTests[0];

  it.each([
    ["010", 8],
    ["08", 8],
    ["0o17", 15],
    ["0x1F", 31],
    ["0b101", 5],
    ["1_000", 1000],
    ["-1", -1],
    ["1.9", 1],
    ["1e2", 100],
    ["~", 0],
    ["", 0],
  ])("exitCode: %s is %i", (written, is) => {
    expect(test(`exitCode: ${written}`)).toMatchObject({ exitCode: is });
  });

  it.each(["exitCode: '1'", "exitCode: 1x", "exitCode: true", "exitCode: .inf", "exitCode: [1]"])(
    "%s is refused",
    (field) => {
      expect(() => test(field)).toThrow("must be a whole number");
    },
  );

  const file = (field: string): unknown =>
    parseStructureFile(`${head}fileExistenceTests: [{name: a, path: /x, ${field}}]\n`, "t.yaml")
      .fileExistenceTests[0];

  it.each([
    ["shouldExist: No", { shouldExist: false }],
    ["shouldExist: ON", { shouldExist: true }],
    ["shouldExist: n", { shouldExist: false }],
    ["shouldExist: ~", { shouldExist: false }],
    ["uid: ~", { uid: 0, gid: -1 }],
    ["name2: x", "no field name2"],
    ["shouldExist: 'yes'", "must be true or false"],
    ["shouldExist: yEs", "must be true or false"],
    ["shouldExist: 1", "must be true or false"],
  ])("%s", (field, is) => {
    if (typeof is === "string") expect(() => file(field)).toThrow(is);
    else expect(file(field)).toMatchObject(is);
  });

  it("containerRunOptions that say nothing are as if they were not there", () => {
    const options = (said: string): unknown =>
      parseStructureFile(
        `${head}commandTests: [{name: a, command: x}]\ncontainerRunOptions: ${said}\n`,
        "t.yaml",
      ).runOptions;
    expect(["{}", "~", '{user: "", envVars: [], privileged: no}'].map(options)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(options("{privileged: yes}")).toMatchObject({ privileged: true });
  });
});

describe("YAML and JSON", () => {
  const test = { name: "a", path: "/x" };

  it("take any owner for granted in YAML, and root in JSON", () => {
    const owner = (name: string): unknown =>
      parseStructureFile(
        JSON.stringify({ schemaVersion: "2.0.0", fileExistenceTests: [{ ...test, gid: 5 }] }),
        name,
      ).fileExistenceTests[0];
    expect([owner("t.yaml"), owner("t.json")]).toMatchObject([
      { uid: -1, gid: 5 },
      { uid: 0, gid: 5 },
    ]);
  });

  it("take a key twice in JSON only, and its last value", () => {
    const text = `{"schemaVersion":"2.0.0","commandTests":[\n\t{"name":"a","command":"x","Command":"y","command":"z"}]}`;
    expect(parseStructureFile(text, "t.json").commandTests).toMatchObject([{ command: "z", line: 2 }]);
    expect(() => parseStructureFile(text.replace('"Command":"y",', "").replace("\t", ""), "t.yaml")).toThrow(
      "t.yaml:2:",
    );
  });

  it.each([
    ["YAML in a JSON file", `schemaVersion: "2.0.0"\n`, "tests.json:1: it is not JSON"],
    ["a comma too many", '{\n"schemaVersion":"2.0.0",\n}', "tests.json:3: it is not JSON"],
    ["the end too early", '{\n"schemaVersion":\n', "tests.json:2: it is not JSON"],
    [
      "a number with a point",
      '{"schemaVersion":"2.0.0","commandTests":[{"name":"a","command":"b","exitCode":1.0}]}',
      "must be a whole number",
    ],
    [
      "a word for true",
      '{"schemaVersion":"2.0.0","fileExistenceTests":[{"name":"a","path":"b","shouldExist":"yes"}]}',
      "must be true or false",
    ],
  ])("JSON: %s is refused", (_, text, message) => {
    expect(refusal(text, "tests.json")).toContain(message);
  });

  it("know allocateTty in YAML only: Go's own name for it is another", () => {
    const text = JSON.stringify({
      schemaVersion: "2.0.0",
      commandTests: [{ name: "a", command: "b", exitCode: null }],
      containerRunOptions: { allocateTty: true },
    });
    expect([parseStructureFile(text, "t.json"), parseStructureFile(text, "t.yaml")]).toMatchObject([
      { runOptions: undefined },
      { runOptions: { allocateTty: true } },
    ]);
  });

  it("take shouldExist for granted in YAML only", () => {
    const yaml = parseStructureFile(`${head}fileExistenceTests: [{name: a, path: /x}]\n`, "t.yaml");
    const json = parseStructureFile(
      JSON.stringify({ schemaVersion: "2.0.0", fileExistenceTests: [test] }),
      "t.json",
    );
    expect([yaml.fileExistenceTests[0]?.shouldExist, json.fileExistenceTests[0]?.shouldExist]).toEqual([
      true,
      false,
    ]);
  });

  it("refuse unknown keys in YAML only", () => {
    const text = JSON.stringify({
      schemaVersion: "2.0.0",
      extra: 1,
      fileExistenceTests: [{ ...test, more: 2 }],
    });
    expect(parseStructureFile(text, "t.json").fileExistenceTests).toHaveLength(1);
    expect(() => parseStructureFile(text, "t.yaml")).toThrow("no field extra");
  });

  it("take a number for a text in YAML only, as it was written", () => {
    expect(
      parseStructureFile(
        `schemaVersion: 2.0.0\ncommandTests: [{name: 1.50, command: x, args: [0x10, true]}]\n`,
        "t.yaml",
      ).commandTests[0],
    ).toMatchObject({ name: "1.50", args: ["0x10", "true"] });
    expect(
      refusal(
        JSON.stringify({ schemaVersion: "2.0.0", commandTests: [{ name: 1, command: "x" }] }),
        "t.json",
      ),
    ).toContain("must be a text");
  });

  it("know where each test begins", () => {
    const file = parseStructureFile(
      `${head}commandTests:\n  - name: a\n    command: x\n  - name: b\n    command: y\n`,
      "t.yaml",
    );
    expect(file.commandTests.map((one) => one.line)).toEqual([3, 5]);
  });
});

describe("$NAME", () => {
  const env = environmentOf(["A=x", "B_1=y=z", "EMPTY="]);

  it.each([
    ["$A", "x"],
    ["${A}b", "xb"],
    ["$B_1.", "y=z."],
    ["[$NONE][$EMPTY]", "[][]"],
    ["$1$$$?$@$*$#x", "x"],
    ["${1}${@}x", "x"],
    ["$(A) $ end$", "$(A) $ end$"],
    ["a${}b${A", "abA"],
    ["$Aé", "xé"],
  ])("%s becomes %s", (text, is) => {
    expect(expand(text, env)).toBe(is);
  });

  it("leaves text without a dollar as it is", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }).filter((text) => !text.includes("$")),
        (text) => expand(text, env) === text,
      ),
    );
  });
});

it("writes modes as Go does", () => {
  expect([
    goMode("file", 0o644),
    goMode("directory", 0o1777),
    goMode("symlink", 0o777),
    goMode("file", 0o4755),
    goMode("file", 0o6711),
  ]).toEqual(["-rw-r--r--", "dtrwxrwxrwx", "Lrwxrwxrwx", "urwxr-xr-x", "ugrwx--x--x"]);
});

it("divides the streams of a batch by their borders only", () => {
  const border = { left: "aaa", right: "bbb" };
  const one: Invocation = { argv: ["x"], env: [], timeoutMs: 1000 };
  const out = "first\nwith aaabbb 0 0 0 1 inside\n\naaabbb 0 3 0 10\nsecond\naaabbb 1 137 1 1000\n";
  const err = "\naaabbb 0 3 0 10\noops\n\naaabbb 1 137 1 1000\n";
  expect(batchRan(out, err, border, [one, one, one])).toEqual([
    {
      exitCode: 3,
      stdout: "first\nwith aaabbb 0 0 0 1 inside\n",
      stderr: "",
      timedOut: false,
      durationMs: 10,
      strays: false,
    },
    { exitCode: 137, stdout: "second", stderr: "oops\n", timedOut: true, durationMs: 1000, strays: true },
    undefined,
  ]);
});
