import type { CommandSpec, OptionSpec } from "../command";
import { commandWords, positionalsOf } from "../command-line";
import { COMMANDS } from "../commands/index";
import { COMMON_OPTIONS } from "../common-options";
import { VERSION_STATUSES } from "../../manifest/entry";

/** Where the possible values of something come from: a list that is known when the program is built, or what is there when somebody asks. */
export type ValueSource =
  readonly string[] | "templates" | "versions" | "ids" | "refs" | "channels" | "files";

export interface CompletedOption {
  readonly name: string;
  readonly describe: string;
  /** Absent for a switch. */
  readonly value?: ValueSource;
}

export interface CompletedCommand {
  readonly words: readonly string[];
  readonly describe: string;
  readonly positionals: readonly ValueSource[];
  /** Whether the last positional may be given again and again. */
  readonly many: boolean;
  readonly options: readonly CompletedOption[];
}

/** All that shells complete and that does not depend on where they are. */
export interface CompletionWords {
  readonly commands: readonly CompletedCommand[];
  readonly common: readonly CompletedOption[];
}

const NOTHING: ValueSource = [];

/** By the name of a positional or an option. */
const SOURCES: Readonly<Record<string, ValueSource>> = {
  "mesa-version": "versions",
  versions: "versions",
  ref: "refs",
  a: "refs",
  b: "refs",
  id: "ids",
  to: "ids",
  channel: "channels",
  template: "templates",
  status: VERSION_STATUSES,
  shell: ["bash", "zsh", "fish"],
  file: "files",
  files: "files",
  dir: "files",
  root: "files",
  upstream: "files",
  events: "files",
  output: "files",
  junit: "files",
  "structure-tests": "files",
  checks: "files",
};

function optionsOf(options: Readonly<Record<string, OptionSpec>>): readonly CompletedOption[] {
  return Object.entries(options).flatMap(([name, option]): CompletedOption[] => {
    const { describe } = option;
    if (option.type !== "boolean")
      return [{ name, describe, value: option.choices ?? SOURCES[name] ?? NOTHING }];
    return [{ name: option.default === true ? `no-${name}` : name, describe }];
  });
}

/** The words of these commands; the build keeps them in a file, so that completing loads no command. */
export function completionWords(specs: readonly CommandSpec[] = COMMANDS): CompletionWords {
  return {
    common: optionsOf(COMMON_OPTIONS),
    commands: specs.map((spec) => {
      const positionals = positionalsOf(spec);
      return {
        words: commandWords(spec),
        describe: spec.describe,
        positionals: positionals.map(({ name }) => SOURCES[name] ?? NOTHING),
        many: positionals.some(({ many }) => many),
        options: optionsOf(spec.options ?? {}),
      };
    }),
  };
}
