import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandArguments } from "../../../src/cli/arguments";
import type { CommandSpec } from "../../../src/cli/command";
import { commandWords, optionsOf, positionalsOf } from "../../../src/cli/command-line";
import { COMMANDS } from "../../../src/cli/commands/index";
import { parseCommandLine, type ParsedCommand } from "../../../src/cli/parser";
import { parsePlainLine } from "../../../src/cli/plain-parser";

const VALUES = [
  "0.20.0",
  "debian@0.20.0-1",
  "debian,alpine",
  "7",
  "07",
  "1e3",
  "-1",
  "push",
  "critical",
  "a=b",
  "a b",
  "'q'",
  '"q"',
  "true",
  "false",
  "",
  "--",
  "-",
  "-h",
  "--help",
  "--version",
  "run",
];

/** What a command is told: every option and positional as it would read it. */
function told({ spec, values, rest }: ParsedCommand): unknown {
  const args = commandArguments(values, rest);
  const options = Object.entries(optionsOf(spec)).map(([name, { type, array }]) => {
    if (array === true) return [name, args.list(name)];
    if (type === "boolean") return [name, values[name] ?? "not given"];
    return [name, type === "number" ? args.number(name) : args.text(name)];
  });
  const places = positionalsOf(spec).map(({ name, many }) => [
    name,
    many ? args.list(name) : args.text(name),
  ]);
  return { command: spec.usage, options, places, rest };
}

function wordsFor(spec: CommandSpec): fc.Arbitrary<string[]> {
  const names = fc.constantFrom(...Object.keys(optionsOf(spec)), "unknown");
  const value = fc.constantFrom(...VALUES);
  const piece = fc.oneof(
    { weight: 3, arbitrary: value.map((word) => [word]) },
    names.map((name) => [`--${name}`]),
    names.map((name) => [`--no-${name}`]),
    { weight: 3, arbitrary: fc.tuple(names, value).map(([name, word]) => [`--${name}`, word]) },
    { weight: 2, arbitrary: fc.tuple(names, value).map(([name, word]) => [`--${name}=${word}`]) },
  );
  return fc
    .array(piece, { maxLength: 4 })
    .map((pieces) => [...commandWords(spec), ...positionalsOf(spec).map(() => "x"), ...pieces.flat()]);
}

describe("the parser of plain command lines", () => {
  it("says what the full parser says, wherever it says anything", async () => {
    let plain = 0;
    const line = fc.constantFrom(...COMMANDS).chain(wordsFor);
    await fc.assert(
      fc.asyncProperty(line, async (argv) => {
        const quick = parsePlainLine(argv, COMMANDS);
        if (quick === undefined) return;
        plain += 1;
        const full = await parseCommandLine(argv, COMMANDS, 100);
        if ("help" in full) throw new Error(`only help for ${argv.join(" ")}`);
        expect(told(quick)).toEqual(told(full));
      }),
      { numRuns: 1500 },
    );
    expect(plain).toBeGreaterThan(100);
  });

  it.each([
    "release 0.20.0",
    "release 0.20.0 --template debian,alpine --root /r --no-deploy --json",
    "release 0.20.0 --structure-tests a.yaml --structure-tests=b.yaml --concurrency 4 --publish push",
    "list",
    "resolve stable --template debian",
    "promote 0.20.0 stable --reason faster",
    "manifest merge a.json b.json c.json",
    "matrix",
    "sandbox clean",
  ])("needs no other for: %s", (line) => {
    expect(parsePlainLine(line.split(" "), COMMANDS)).toBeDefined();
  });

  it.each([
    "",
    "relaese 0.20.0",
    "release",
    "release 0.20.0 0.21.0",
    "release 0.20.0 --hlep",
    "release 0.20.0 --root",
    "release 0.20.0 --root --json",
    "release 0.20.0 --publish fax",
    "release 0.20.0 --concurrency many",
    "release 0.20.0 --json --json",
    "smoke 0.20.0 --structure-tests=",
    "release --help",
    "sandbox",
    "sandbox run stable -- make test",
  ])("leaves to the full one: %s", (line) => {
    expect(parsePlainLine(line.split(" "), COMMANDS)).toBeUndefined();
  });
});
