import { COMMON_OPTIONS, type CommandSpec, type OptionSpec } from "../command";

/** The words of a command's name: "sandbox run [ref]" → ["sandbox", "run"]. */
export function commandWords(spec: CommandSpec): readonly string[] {
  return spec.usage.split(" ").filter((word) => !/^[<[]/u.test(word));
}

/** A command's name: "sandbox run". */
export function commandName(spec: CommandSpec): string {
  return commandWords(spec).join(" ");
}

/** The command with the longest name that matches a line's plain words. */
export function commandOf(plain: readonly string[], specs: readonly CommandSpec[]): CommandSpec | undefined {
  return specs.find((spec) => commandWords(spec).every((word, index) => plain[index] === word));
}

export interface Positional {
  readonly name: string;
  readonly required: boolean;
  readonly many: boolean;
}

/** The positionals of a command's usage, in order. */
export function positionalsOf(spec: CommandSpec): readonly Positional[] {
  return spec.usage
    .split(" ")
    .filter((word) => /^[<[]/u.test(word))
    .map((word) => ({
      name: word.slice(1, -1).replace(/\.\.$/u, ""),
      required: word.startsWith("<"),
      many: word.slice(1, -1).endsWith(".."),
    }));
}

/** All options of a command, its own and the common ones; without a command, the common ones. */
export function optionsOf(spec: CommandSpec | undefined): Readonly<Record<string, OptionSpec>> {
  return { ...COMMON_OPTIONS, ...spec?.options };
}

/** Whether a word looks like a version: 0.20.0, debian@0.20.0-1. */
export function looksLikeVersion(word: string): boolean {
  return /^v?\d|@/u.test(word);
}
