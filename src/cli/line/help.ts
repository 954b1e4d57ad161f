import {
  COMMON_OPTIONS,
  EVERYWHERE,
  type CommandGroup,
  type CommandSpec,
  type CommonOption,
  type OptionSpec,
} from "../command";
import { commandWords, positionalsOf, type Positional } from "./command-line";
import { wrapped } from "../output/table";
import { EXIT_CODES } from "../../support/errors";

export const PROGRAM = "mesa-template";

const REF = "an id (debian@0.20.0-1), a Mesa version (its newest revision that is not revoked) or a channel";

/** The meaning of each positional argument, by its name. */
const PLACES: Readonly<Record<string, string>> = {
  "mesa-version": "a Mesa version, written in full: 0.20.0",
  ref: REF,
  refs: REF,
  id: REF,
  a: REF,
  b: `${REF}; default: what a fresh lock would give`,
  channel: "the name of a channel: stable",
  versions: "Mesa versions",
  sandbox: "the name of a sandbox on Blaxel",
  repo: "a repository in Mesa: ORG/REPO",
  bookmark: "the session's branch, as given to --branch",
  file: "a manifest (default: the project's own)",
  files: "manifests of parallel jobs",
  dir: "the folder to write to (default: this one)",
  shell: "bash or zsh (default: the shell that runs)",
};

function placeText({ name, required, many }: Positional): string {
  const word = `${name.toUpperCase()}${many ? "..." : ""}`;
  return required ? word : `[${word}]`;
}

/** A command and its positionals: "promote REF CHANNEL". */
function shortUsage(spec: CommandSpec): string {
  return [...commandWords(spec), ...positionalsOf(spec).map(placeText)].join(" ");
}

/** The usage line of a command: "mesa-template promote REF CHANNEL". */
export function usageText(spec: CommandSpec): string {
  return `${PROGRAM} ${shortUsage(spec)}${spec.passesRest === true ? " --repo ORG/REPO -- COMMAND" : ""}`;
}

/** An option as written on the command line: "--publish deploy|push", "--no-deploy". */
export function optionText(name: string, option: OptionSpec): string {
  if (option.type === "boolean") return option.default === true ? `--no-${name}` : `--${name}`;
  return `--${name} ${option.value ?? option.choices?.join("|") ?? ""}`;
}

/** What an option does, with its default and its alias. */
function optionDescription({ describe, array, default: value, alias }: OptionSpec): string {
  return [
    describe,
    ...(array === true ? [" (repeatable)"] : []),
    ...(value === undefined || typeof value === "boolean" ? [] : [` (default: ${String(value)})`]),
    ...(alias === undefined ? [] : [`; also --${alias}`]),
  ].join("");
}

/** The common options that apply to a command, in order. */
export function commonOptionsOf(spec: CommandSpec): readonly (readonly [CommonOption, OptionSpec])[] {
  return Object.entries(COMMON_OPTIONS)
    .map(([name, option]) => [name as CommonOption, option] as const)
    .filter(([name]) => EVERYWHERE.includes(name) || spec.common?.includes(name) === true);
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/u.test(text) ? "" : "."}`;
}

type Row = readonly [string, string];

export function placeRows(spec: CommandSpec): readonly Row[] {
  return positionalsOf(spec).map((place) => [placeText(place), PLACES[place.name] ?? ""]);
}

export function optionRows(options: readonly (readonly [string, OptionSpec])[]): readonly Row[] {
  return options.map(([name, option]) => [optionText(name, option), optionDescription(option)]);
}

export function exitRows({ exits = {} }: CommandSpec): readonly Row[] {
  return Object.entries({ [EXIT_CODES.usage]: "wrong usage or configuration", ...exits }).map(
    ([code, meaning]) => [code, meaning],
  );
}

/** Two columns, names and descriptions; descriptions wrap to the width. */
function columns(rows: readonly Row[], width: number, least = 0): string {
  const longest = Math.min(Math.max(least, ...rows.map(([name]) => name.length)), 30);
  const indent = " ".repeat(longest + 4);
  return rows
    .map(([name, text]) => {
      const body = wrapped(text, Math.max(24, width - indent.length)).join(`\n${indent}`);
      return name.length > longest ? `  ${name}\n${indent}${body}\n` : `  ${name.padEnd(longest)}  ${body}\n`;
    })
    .join("");
}

function section(title: string, rows: readonly Row[], width: number): string {
  return rows.length === 0 ? "" : `\n${title}:\n${columns(rows, width)}`;
}

/** The help of one command. */
export function commandHelp(spec: CommandSpec, width: number): string {
  const about = [sentence(spec.describe), ...(spec.details === undefined ? [] : [spec.details])].join(" ");
  const examples = (spec.examples ?? []).map((line) => `  ${PROGRAM} ${line}\n`).join("");
  return [
    `${usageText(spec)}\n\n${wrapped(about, width).join("\n")}\n`,
    placeRows(spec).length === 0 ? "" : `\n${columns(placeRows(spec), width)}`,
    section("Options", optionRows(Object.entries(spec.options ?? {})), width),
    examples === "" ? "" : `\nExamples:\n${examples}`,
    section("Exit codes", exitRows(spec), width),
    section("Common options", optionRows(commonOptionsOf(spec)), width),
  ].join("");
}

function listRow(spec: CommandSpec): Row {
  return [shortUsage(spec), spec.describe];
}

/** The help of the program: all commands in their groups. */
export function programHelp(groups: readonly CommandGroup[], version: string, width: number): string {
  const rows = groups.map(({ title, commands }) => ({ title, rows: commands.map(listRow) }));
  const longest = Math.max(...rows.flatMap((group) => group.rows.map(([name]) => name.length)));
  return [
    `${PROGRAM} COMMAND [OPTIONS]\n\n`,
    `${wrapped(`Builds Blaxel sandbox templates with Mesa's versioned filesystem inside, proves that they work, deploys them, and records every version (${version}).`, width).join("\n")}\n`,
    ...rows.map((group) => `\n${group.title}:\n${columns(group.rows, width, longest)}`),
    `\n${wrapped(`${PROGRAM} COMMAND --help shows the options of a command, with examples. ${PROGRAM} --version prints the version.`, width).join("\n")}\n`,
  ].join("");
}

/** The help of commands with the same first word, such as "sandbox". */
export function familyHelp(word: string, commands: readonly CommandSpec[], width: number): string {
  const more = `${PROGRAM} ${word} COMMAND --help shows the options of a command, with examples.`;
  return `${PROGRAM} ${word} COMMAND\n\nCommands:\n${columns(commands.map(listRow), width)}\n${wrapped(more, width).join("\n")}\n`;
}
