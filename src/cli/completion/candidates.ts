import type { CompletedCommand, CompletedOption, CompletionWords, ValueSource } from "./words";

/** Something that may stand where the cursor is. */
export interface Candidate {
  readonly value: string;
  readonly describe: string;
}

/** The words of a command line up to the cursor; the last one is being written (and may be ""). Quotes and backslashes are taken off. */
export function wordsOf(line: string): readonly string[] {
  const words = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"?|'[^']*'?)+/gu) ?? [];
  const plain = words.map((word) => word.replace(/\\(.)/gu, "$1").replace(/["']/gu, ""));
  return /(?:^|[^\\])\s$/u.test(line) || line === "" ? [...plain, ""] : plain;
}

interface Before {
  readonly names: readonly string[];
  /** The option whose value is being written. */
  readonly option: CompletedOption | undefined;
  readonly used: ReadonlySet<string>;
}

/** Reads the finished words: which are names and positionals, which options were given, whether a value is due. */
function readBefore(finished: readonly string[], options: readonly CompletedOption[]): Before {
  const names: string[] = [];
  const used = new Set<string>();
  let option: CompletedOption | undefined;
  for (const word of finished) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith("--")) {
      const [name = "", value] = word.slice(2).split("=", 2);
      used.add(name);
      const known = options.find((one) => one.name === name);
      if (value === undefined && known?.value !== undefined) option = known;
    } else if (!word.startsWith("-")) names.push(word);
  }
  return { names, option, used };
}

function commandFor(words: CompletionWords, names: readonly string[]): CompletedCommand | undefined {
  return words.commands
    .filter((command) => command.words.every((word, index) => names[index] === word))
    .sort((a, b) => b.words.length - a.words.length)[0];
}

function nextCommandWords(words: CompletionWords, names: readonly string[]): readonly Candidate[] {
  const found = new Map<string, string>();
  for (const command of words.commands) {
    const next = command.words[names.length];
    if (next === undefined || !names.every((name, index) => command.words[index] === name)) continue;
    const last = command.words.length === names.length + 1;
    const group = words.commands
      .filter((one) => one.words[names.length] === next && one.words.length > names.length + 1)
      .map((one) => one.words[names.length + 1] ?? "");
    found.set(next, last ? command.describe : group.join(" | "));
  }
  return [...found].map(([value, describe]) => ({ value, describe }));
}

/** `a,b,c`: what is being written is the last name; the others stay in front of it. */
function inList(candidates: readonly string[], current: string): readonly string[] {
  const front = current.slice(0, current.lastIndexOf(",") + 1);
  const taken = new Set(front.split(","));
  return candidates.filter((name) => !taken.has(name)).map((name) => front + name);
}

/**
 * What may stand at the cursor, or "files" where file names belong. `known` gives the values of a source; it is asked for
 * one source at most.
 */
export function candidatesFor(
  words: CompletionWords,
  lineWords: readonly string[],
  known: (source: Exclude<ValueSource, readonly string[] | "files">) => readonly string[],
): readonly Candidate[] | "files" {
  const finished = lineWords.slice(1, -1);
  const current = lineWords.at(-1) ?? "";
  if (finished.includes("--")) return "files";
  const everyOption = [...words.common, ...words.commands.flatMap((command) => command.options)];
  const command = commandFor(words, readBefore(finished, everyOption).names);
  const options = [...(command?.options ?? []), ...words.common];
  const { names, option, used } = readBefore(finished, options);
  const values = (source: ValueSource | undefined, part: string): readonly Candidate[] | "files" => {
    if (source === "files") return "files";
    const all = source === undefined ? [] : typeof source === "string" ? known(source) : source;
    return (source === "templates" ? inList(all, part) : all)
      .filter((value) => value.startsWith(part))
      .map((value) => ({ value, describe: "" }));
  };
  if (option !== undefined) return values(option.value, current);
  const [, name, part] = /^--([a-z-]+)=(.*)$/u.exec(current) ?? [];
  if (name !== undefined) {
    const found = values(options.find((one) => one.name === name)?.value, part ?? "");
    return found === "files" ? found : found.map((one) => ({ ...one, value: `--${name}=${one.value}` }));
  }
  if (current.startsWith("-"))
    return [...options, { name: "help", describe: "show help" }]
      .filter((one) => !used.has(one.name))
      .map((one) => ({ value: `--${one.name}`, describe: one.describe }))
      .filter((one) => one.value.startsWith(current));
  const subcommands = nextCommandWords(words, names).filter(({ value }) => value.startsWith(current));
  if (command === undefined || subcommands.length > 0) return subcommands;
  const at = names.length - command.words.length;
  const last = command.positionals.length - 1;
  return values(command.positionals[command.many ? Math.min(at, last) : at], current);
}
