import { parseArgs, type ParseArgsConfig } from "node:util";
import type { CommandSpec, OptionSpec } from "./command";
import { commandWords, optionsOf, positionalsOf } from "./command-line";
import type { ParsedCommand } from "./parser";

/** What may mean more than it says: short options, `--`, nothing at all, also behind an equals sign, words that yargs takes for a switch's value, quotes that it drops. */
const ODD = /^$|^-[^-]|^--?$|^(?:true|false)$|^--[^=]+=(?:".*"|'.*')?$/su;

const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/u;

/**
 * Parses a command line that leaves nothing to interpret: the command's words first, options of its own, each as often as it may be.
 * Undefined for every other one (help, wrong usage, anything odd), which is then the full parser's to answer: loading that one
 * takes longer than most commands do. A test holds the two together.
 */
export function parsePlainLine(
  argv: readonly string[],
  specs: readonly CommandSpec[],
): ParsedCommand | undefined {
  if (argv.some((word) => ODD.test(word))) return undefined;
  const spec = specs.find((known) => commandWords(known).every((word, index) => argv[index] === word));
  if (spec === undefined) return undefined;
  const options = optionsOf(spec);
  const parsed = strictly(argv.slice(commandWords(spec).length), options);
  if (parsed === undefined) return undefined;
  const given = optionValues(parsed.values, options);
  const places = positionalValues(spec, parsed.positionals);
  if (given === undefined || places === undefined) return undefined;
  return { spec, values: { ...given, ...places }, rest: [] };
}

/** Node's own parser; undefined where it refuses, and where an option that counts once is given twice. */
function strictly(
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
): Pick<ReturnType<typeof parseArgs>, "values" | "positionals"> | undefined {
  const config: NonNullable<ParseArgsConfig["options"]> = Object.fromEntries(
    Object.entries(options).map(([name, { type, array }]) => [
      name,
      { type: type === "boolean" ? "boolean" : "string", multiple: array === true },
    ]),
  );
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      options: config,
      allowPositionals: true,
      allowNegative: true,
      tokens: true,
    });
    const once = tokens.flatMap((token) =>
      token.kind === "option" && options[token.name]?.array !== true ? [token.name] : [],
    );
    return new Set(once).size === once.length ? { values, positionals } : undefined;
  } catch {
    return undefined;
  }
}

function optionValues(
  values: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, OptionSpec>>,
): Record<string, unknown> | undefined {
  const typed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const { type, choices } = options[name] ?? {};
    if (choices !== undefined && !choices.includes(String(value))) return undefined;
    if (type === "number" && !WHOLE_NUMBER.test(String(value))) return undefined;
    typed[name] = type === "number" ? Number(value) : value;
  }
  return typed;
}

function positionalValues(spec: CommandSpec, words: readonly string[]): Record<string, unknown> | undefined {
  const places = positionalsOf(spec);
  const open = places.at(-1)?.many === true;
  const required = places.filter((place) => place.required).length;
  if (words.length < required || (!open && words.length > places.length)) return undefined;
  return Object.fromEntries(
    places.flatMap(({ name, many }, index): [string, unknown][] => {
      if (index >= words.length) return [];
      return [[name, many ? words.slice(index) : words[index]]];
    }),
  );
}
