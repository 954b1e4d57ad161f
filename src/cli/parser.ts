import yargs, { type Argv, type Options } from "yargs";
import type { CommandSpec, OptionSpec } from "./command";
import { commandWords, optionsOf, positionalsOf, wrongUsage } from "./command-line";
import { COMPLETION_OPTION, namesAtCursor } from "./completion";
import { VERSION } from "../support/version";

export interface ParsedCommand {
  readonly spec: CommandSpec;
  readonly values: Readonly<Record<string, unknown>>;
  readonly rest: readonly string[];
}

function yargsOption(option: OptionSpec): Options {
  return {
    type: option.type,
    describe: option.describe,
    ...(option.array === true ? { array: true, nargs: 1 } : {}),
    ...(option.choices === undefined ? {} : { choices: option.choices }),
    ...(option.alias === undefined ? {} : { alias: option.alias }),
    ...(option.requiresArg === true || option.type !== "boolean" ? { requiresArg: true } : {}),
  };
}

const ENOUGH = new Error("the command was found");

function addCommand(
  parser: Argv,
  spec: CommandSpec,
  usage: string,
  found: (parsed: ParsedCommand) => void,
): void {
  parser.command(
    usage,
    spec.describe,
    (builder) => {
      for (const positional of positionalsOf(spec)) builder.positional(positional.name, { type: "string" });
      for (const [name, option] of Object.entries(optionsOf(spec))) builder.option(name, yargsOption(option));
      return builder;
    },
    (argv) => {
      const rest = (argv["--"] ?? []) as readonly unknown[];
      if (rest.length > 0 && spec.passesRest !== true)
        throw wrongUsage(`Unexpected after --: ${rest.join(" ")}`, "See --help.");
      found({ spec, values: argv, rest: rest.map(String) });
      // Everything is known now. Were the handler to return, yargs would go on to lay out a help text that nobody sees.
      throw ENOUGH;
    },
  );
}

/** Adds what only the project knows to the commands and options that yargs offers a shell. */
function offerNames(parser: Argv, words: readonly string[], specs: readonly CommandSpec[]): void {
  parser.completion(
    "completion-script",
    false,
    (_current: string, _argv: unknown, offerOthers: () => void, done: (names: string[]) => void) => {
      const names = namesAtCursor(words, specs, process.env);
      if (names === undefined) offerOthers();
      else done([...names]);
    },
  );
}

/**
 * Parses a command line against the commands. Wrong usage is thrown as a Failure (exit 2).
 * @returns the command to run, or the help text that was asked for.
 */
export async function parseCommandLine(
  argv: readonly string[],
  specs: readonly CommandSpec[],
  width: number,
): Promise<ParsedCommand | { readonly help: string }> {
  let parsed: ParsedCommand | undefined;
  let help = "";
  const found = (command: ParsedCommand): void => {
    parsed = command;
  };
  const parser = yargs()
    .scriptName("mesa-template")
    .parserConfiguration({
      "populate--": true,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "camel-case-expansion": false,
      "strip-aliased": true,
    })
    .wrap(width)
    .version(VERSION)
    .help()
    .alias("help", "h")
    .strict()
    .recommendCommands()
    .demandCommand(1, "Which command?")
    .exitProcess(false)
    .fail((message: string | undefined, error: unknown) => {
      if (error instanceof Error && (message === undefined || error === ENOUGH || error.name === "Failure"))
        throw error;
      throw wrongUsage(message ?? "Wrong usage.", "See mesa-template --help.");
    });
  if (argv[0] === COMPLETION_OPTION) offerNames(parser, argv.slice(2), specs);
  const groups = new Map<string, CommandSpec[]>();
  // Describing all commands to yargs takes longer than most of them run; the first word usually names the only one that matters.
  const named = specs.filter((spec) => commandWords(spec)[0] === argv[0]);
  for (const spec of named.length > 0 ? named : specs) {
    const [first = "", second] = commandWords(spec);
    if (second === undefined) addCommand(parser, spec, spec.usage, found);
    else groups.set(first, [...(groups.get(first) ?? []), spec]);
  }
  for (const [word, members] of groups) {
    parser.command(word, members.map((spec) => commandWords(spec)[1]).join(" | "), (builder) => {
      for (const spec of members) addCommand(builder, spec, spec.usage.slice(word.length + 1), found);
      return builder.demandCommand(
        1,
        `Which one? ${members.map((spec) => `${word} ${commandWords(spec)[1] ?? ""}`).join(", ")}`,
      );
    });
  }
  try {
    await parser.parseAsync([...argv], (_error: unknown, _argv: unknown, output: string) => {
      help = output;
    });
  } catch (error) {
    if (error !== ENOUGH) throw error;
  }
  if (parsed !== undefined) return parsed;
  return { help };
}
