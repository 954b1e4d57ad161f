import { Parser as parseWords } from "yargs/helpers";
import type { CommandGroup, CommandSpec, OptionSpec } from "../command";
import { commandName, commandOf, commandWords, optionsOf, positionalsOf } from "./command-line";
import { candidatesAtCursor, COMPLETION_OPTION } from "./completion";
import { commandHelp, familyHelp, optionText, PROGRAM, programHelp, usageText } from "./help";
import { type Failure, wrongUsage } from "../../support/errors";
import { didYouMean, nearest } from "../../support/text/nearest";
import { quoted } from "../../support/text/quoted";
import { VERSION } from "../../support/version";

export interface ParsedCommand {
  readonly spec: CommandSpec;
  /** By option or positional name; given or default. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly rest: readonly string[];
}

/** Requested text: help, the version, completions. */
export interface Answer {
  readonly text: string;
  /** The wrong usage that this text answers. */
  readonly failure?: Failure;
}

type Options = Readonly<Record<string, OptionSpec>>;

type Words = ReturnType<typeof splitWords>;

/**
 * Splits a command line into plain words, options and the words after `--`. Numbers stay texts: 0.20 is not
 * 0.2.
 */
function splitWords(argv: readonly string[], options: Options) {
  const named = Object.entries(options);
  const names = (wanted: (option: OptionSpec) => boolean): string[] =>
    named.filter(([, option]) => wanted(option)).map(([name]) => name);
  const valued = names(({ type }) => type !== "boolean");
  const { argv: parsed, error } = parseWords.detailed([...argv], {
    alias: Object.fromEntries(
      named.flatMap(([name, { alias }]) => (alias === undefined ? [] : [[name, [alias]]])),
    ),
    array: names(({ array }) => array === true),
    boolean: names(({ type }) => type === "boolean"),
    string: ["_", ...valued],
    narg: Object.fromEntries(valued.map((name) => [name, 1])),
    configuration: {
      "populate--": true,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "strip-aliased": true,
    },
  });
  const { _: plain, "--": rest = [], ...values } = parsed;
  return {
    plain: plain.map(String),
    values: values as Readonly<Record<string, unknown>>,
    rest: rest.map(String),
    /** An option without its required value. yargs' message names it, but not what to write. */
    valueless: error === null ? undefined : /: (.+)$/u.exec(error.message)?.[1],
  };
}

const ASKS: Options = {
  help: { type: "boolean", describe: "show help", alias: "h" },
  version: { type: "boolean", describe: "show the version" },
};

/** Every option of every command, which is enough to separate plain words from option values. */
function allOptions(specs: readonly CommandSpec[]): Options {
  return Object.assign({}, ...specs.map(optionsOf), ASKS) as Options;
}

function family(word: string | undefined, specs: readonly CommandSpec[]): readonly CommandSpec[] {
  return specs.filter((spec) => commandWords(spec).length > 1 && commandWords(spec)[0] === word);
}

/** The nearest command; the second word of one counts too: "shell" is "sandbox shell". */
function commandMeant(given: string, specs: readonly CommandSpec[]): string {
  const names = specs.map(commandName);
  const byLastWord = names.find((name) => name.endsWith(` ${given}`));
  if (byLastWord !== undefined) return `Did you mean ${PROGRAM} ${byLastWord}?`;
  const words = specs.flatMap((spec) => commandWords(spec).slice(0, 1));
  const near = nearest(given, [...names, ...words, "--version", "--help"]);
  return near === undefined ? "" : `Did you mean ${PROGRAM} ${near}?`;
}

function unknownCommand(given: readonly string[], specs: readonly CommandSpec[], help: string): Failure {
  const meant = commandMeant(given.join(" "), specs);
  return wrongUsage(`There is no command ${given.map(quoted).join(" ")}.`, `${meant} ${help}`.trim());
}

/** Help where no command is named, or only the first word of several, and what such a line lacks to run. */
function overview(
  plain: readonly string[],
  groups: readonly CommandGroup[],
  specs: readonly CommandSpec[],
  width: number,
): Answer {
  const [word, second] = plain;
  if (word === undefined)
    return {
      text: programHelp(groups, VERSION, width),
      failure: wrongUsage("Which command?", `${PROGRAM} --help lists the commands.`),
    };
  const members = family(word, specs);
  if (members.length === 0) throw unknownCommand([word], specs, `${PROGRAM} --help lists the commands.`);
  if (second !== undefined)
    throw unknownCommand([word, second], specs, `${PROGRAM} ${word} --help lists its commands.`);
  const names = members.map(commandName);
  return {
    text: familyHelp(word, members, width),
    failure: wrongUsage(`Which one: ${names.join(", ")}?`, `${PROGRAM} ${word} --help explains them.`),
  };
}

/** Whether plain words ask for help: "help promote", "promote help". */
function asksForHelp(plain: readonly string[], specs: readonly CommandSpec[]): boolean {
  const before = plain.slice(0, -1).join(" ");
  return (
    plain[0] === "help" ||
    (plain.at(-1) === "help" &&
      specs.some((spec) => [commandWords(spec)[0], commandName(spec)].includes(before)))
  );
}

/**
 * Parses a command line.
 * @param width columns of help
 * @returns the command to run, or the requested text
 * @throws Failure USAGE (exit 2) with the nearest valid word and the command's own help
 */
export function parseCommandLine(
  argv: readonly string[],
  groups: readonly CommandGroup[],
  width: number,
): ParsedCommand | Answer {
  const specs = groups.flatMap(({ commands }) => commands);
  const options = allOptions(specs);
  if (argv[0] === COMPLETION_OPTION) {
    const words = argv.slice(2);
    const { plain } = splitWords(words.slice(0, -1), options);
    return { text: candidatesAtCursor(words, plain, specs, process.env).join("\n") };
  }
  const { plain, values } = splitWords(argv, options);
  if (values["help"] === true || asksForHelp(plain, specs)) {
    const about = plain.filter((word) => word !== "help");
    const spec = commandOf(about, specs);
    return {
      text: spec === undefined ? overview(about, groups, specs, width).text : commandHelp(spec, width),
    };
  }
  if (values["version"] === true) return { text: VERSION };
  const spec = commandOf(plain, specs);
  if (spec !== undefined) return parsedFor(spec, argv);
  if (plain.length === 0) refuseUnknownOptions(splitWords(argv, optionsOf(undefined)), argv, undefined);
  return overview(plain, groups, specs, width);
}

function parsedFor(spec: CommandSpec, argv: readonly string[]): ParsedCommand {
  const words = splitWords(argv, optionsOf(spec));
  const given = words.plain.slice(commandWords(spec).length);
  const places = positionalsOf(spec);
  const most = places.at(-1)?.many === true ? Infinity : places.length;
  if (spec.passesRest === true && words.rest.length === 0 && given.length > most)
    throw commandWithoutDashes(spec, argv, given[most] ?? "");
  refuseValuesOfFlags(argv, spec);
  refuseUnknownOptions(words, argv, spec);
  if (words.rest.length > 0 && spec.passesRest !== true)
    throw misused(spec, `Unexpected after --: ${words.rest.join(" ")}.`);
  const extra = given[most];
  if (extra !== undefined) throw misused(spec, `Unexpected argument: ${quoted(extra)}.`);
  const missing = places.filter(({ required }) => required)[given.length];
  if (missing !== undefined) throw misused(spec, spec.whenMissing?.(given) ?? questionFor(missing.name));
  const valueless = words.valueless === undefined ? undefined : optionsOf(spec)[words.valueless];
  if (words.valueless !== undefined && valueless !== undefined)
    throw withoutValue(spec, words.valueless, valueless);
  const options = Object.entries(optionsOf(spec)).map(
    ([name, option]) => [name, valueOf(spec, name, option, words.values[name])] as const,
  );
  const positionals = places.map(
    ({ name, many }, index) => [name, many ? given.slice(index) : given[index]] as const,
  );
  const values = [...options, ...positionals].filter(([, value]) => value !== undefined);
  return { spec, values: Object.fromEntries(values), rest: words.rest };
}

function misused(spec: CommandSpec, message: string): Failure {
  return wrongUsage(message, `${usageText(spec)} (more: ${helpOf(spec)})`);
}

function helpOf(spec: CommandSpec | undefined): string {
  return [PROGRAM, ...(spec === undefined ? [] : commandWords(spec)), "--help"].join(" ");
}

function questionFor(place: string): string {
  if (place === "mesa-version") return "Which Mesa version?";
  return ["ref", "id", "a"].includes(place) ? "Which version?" : `Which ${place}?`;
}

/** `sandbox run stable ls -la`: the intended command comes before `--`. */
function commandWithoutDashes(spec: CommandSpec, argv: readonly string[], first: string): Failure {
  const at = argv.lastIndexOf(first);
  const line = [PROGRAM, ...argv.slice(0, at), "--", ...argv.slice(at)].map(quoted).join(" ");
  return wrongUsage(`Put the command after --; "${first}" is before it.`, `${line} (more: ${helpOf(spec)})`);
}

/** Refuses --dry-run=yes and the like, which the parser takes for --no-dry-run. */
function refuseValuesOfFlags(argv: readonly string[], spec: CommandSpec): void {
  const flags = Object.entries({ ...optionsOf(spec), ...ASKS }).filter(([, { type }]) => type === "boolean");
  const names = new Set(flags.flatMap(([name, { alias = name }]) => [name, alias]));
  for (const word of argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined)) {
    const [, no, name = "", value] = /^--(no-)?([^=]+)=(.*)$/su.exec(word) ?? [];
    if (names.has(name) && (no !== undefined || (value !== "true" && value !== "false")))
      throw wrongUsage(
        `--${no ?? ""}${name} takes no value.`,
        `Write --${name} or --no-${name} (more: ${helpOf(spec)})`,
      );
  }
}

/** Refuses options that no command has. */
function refuseUnknownOptions(
  { values }: Words,
  argv: readonly string[],
  spec: CommandSpec | undefined,
): void {
  const options = optionsOf(spec);
  const where = spec === undefined ? PROGRAM : commandName(spec);
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(options, name));
  if (unknown === undefined) return;
  const given = writtenAs(unknown, argv);
  const known = Object.entries(options).flatMap(([name, { alias, type }]) => [
    `--${name}`,
    ...(type === "boolean" ? [`--no-${name}`] : []),
    ...(alias === undefined ? [] : [`--${alias}`]),
  ]);
  const guess =
    given === "-v" ? "Did you mean --version?" : didYouMean(given, [...known, "--help", "--version"]);
  const rest = spec?.passesRest === true ? "Put the command and its options after --." : "";
  throw wrongUsage(
    `${where} has no option ${given}.`,
    [guess, rest, `${helpOf(spec)} lists the options.`].filter((text) => text !== "").join(" "),
  );
}

/** An unknown option as written on the command line: the parser knows --no-deply as deply. */
function writtenAs(name: string, argv: readonly string[]): string {
  const forms = [`--no-${name}`, `--${name}`];
  const found = argv.find((word) => forms.includes(word.split("=")[0] ?? ""));
  if (found !== undefined) return found.split("=")[0] ?? found;
  return argv.find((word) => /^-[^-]/u.test(word) && word.includes(name)) ?? `-${name}`;
}

function withoutValue(spec: CommandSpec, name: string, option: OptionSpec): Failure {
  return wrongUsage(`--${name} needs a value.`, `Write ${optionText(name, option)} (more: ${helpOf(spec)})`);
}

/** The value of an option, checked: right type, one of its choices, not empty. When it is given twice, the last one wins. */
function valueOf(spec: CommandSpec, name: string, option: OptionSpec, value: unknown): unknown {
  if (value === undefined) return option.default;
  if (option.type === "boolean") return value;
  const all = [value].flat().map((one) => {
    if (typeof one !== "string") throw withoutValue(spec, name, option);
    if (one === "") throw wrongUsage(`--${name} is empty.`, "Give it a value, or leave it out.");
    return one;
  });
  if (option.array === true) return all;
  const text = all.at(-1) ?? "";
  if (option.choices?.includes(text) === false)
    throw wrongUsage(
      `--${name} is "${text}"; it is one of: ${option.choices.join(", ")}.`,
      `${didYouMean(text, option.choices)} More: ${helpOf(spec)}.`.trim(),
    );
  if (option.type === "string") return text;
  const number = Number(text);
  if (Number.isFinite(number) && text.trim() !== "") return number;
  throw wrongUsage(
    `--${name} is "${text}", which is not a number.`,
    `Write ${optionText(name, option)}. More: ${helpOf(spec)}.`,
  );
}
