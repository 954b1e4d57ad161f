import { basename, resolve } from "node:path";
import type { Environment } from "../../support/environment";
import { wrongUsage } from "../../support/errors";
import { textNow } from "../../support/files/files";
import { findRoot, paths, templateNames } from "../../support/files/paths";
import type { CommandHandler, CommandSpec } from "../command";
import { commandOf, commandWords, optionsOf, positionalsOf } from "./command-line";
import { optionText } from "./help";

/** The option by which the scripts below ask for candidates. The words of the line follow it, the program's name first. */
export const COMPLETION_OPTION = "--complete";

/**
 * Bash splits words at @, = and :, which ids and options contain. So the line is split at spaces only, and
 * the text before bash's own word ($2) is removed. The program may be an alias, as the README makes one.
 */
const BASH = `# mesa-template completion for bash: eval "$(mesa-template completion bash)"
_mesa_template() {
  local words current answer
  read -ra words <<<"\${COMP_LINE:0:COMP_POINT}"
  current=\${words[-1]}
  [[ \${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || { current=; words+=(""); }
  mapfile -t answer < <(SHELL=bash \${BASH_ALIASES[$1]:-"$1"} ${COMPLETION_OPTION} "\${words[@]}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "\${answer[*]}" -- "$current")
  COMPREPLY=("\${COMPREPLY[@]#"\${current%"$2"}"}")
}
complete -o bashdefault -o default -F _mesa_template mesa-template
`;

const ZSH = `#compdef mesa-template
# mesa-template completion for zsh: eval "$(mesa-template completion zsh)"
_mesa_template() {
  local -a answer
  answer=("\${(@f)$(SHELL=zsh "\${words[1]}" ${COMPLETION_OPTION} "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${answer[1]}" ]]; then _describe mesa-template answer; else _files; fi
}
# zsh completes an alias as what it stands for, here node: a function does the same as the alias.
[[ -z $aliases[mesa-template] ]] || { functions[mesa-template]=$aliases[mesa-template]' "$@"'; unalias mesa-template }
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _mesa_template mesa-template
`;

/** The script that makes a shell complete this program's command lines. */
const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH };

/** The options and positionals that name something of the project, by what they name. */
const NAMING = {
  refs: ["ref", "refs", "a", "b", "id", "to", "since", "mesa-version", "versions"],
  channels: ["channel"],
  templates: ["template"],
};
type Known = keyof typeof NAMING;
const KNOWN: readonly Known[] = ["refs", "channels", "templates"];

/**
 * Candidates at the cursor: names of the project, an option's choices, commands, options. zsh also gets descriptions.
 * @param words the command line after the program's name; the last word is being typed
 * @param plain those before it that are neither options nor values of options
 */
export function candidatesAtCursor(
  words: readonly string[],
  plain: readonly string[],
  specs: readonly CommandSpec[],
  env: Environment,
): readonly string[] {
  const [current = "", previous = ""] = words.toReversed();
  // After it stands the command line of another program.
  if (words.slice(0, -1).includes("--")) return [];
  const offer = (names: readonly string[]): readonly string[] =>
    names.filter((name) => name.startsWith(current));
  const describe = (entries: readonly (readonly [string, string])[]): readonly string[] => {
    const about = new Map(entries);
    const names = offer([...about.keys()]);
    return env["SHELL"]?.endsWith("zsh") === true
      ? names.map((name) => `${name}:${about.get(name) ?? ""}`)
      : names;
  };
  const spec = commandOf(plain, specs);
  const options = optionsOf(spec);
  const option = previous.startsWith("--") ? previous.slice(2) : undefined;
  const place = option ?? (spec === undefined || current.startsWith("-") ? undefined : placeAt(spec, plain));
  const known = place === undefined ? undefined : KNOWN.find((kind) => NAMING[kind].includes(place));
  if (known !== undefined) {
    const root = words.findLast((_word, index) => words[index - 1] === "--root");
    const names = projectNames(root ?? env["MESA_TEMPLATE_ROOT"], known);
    const front = known === "templates" ? current.slice(0, current.lastIndexOf(",") + 1) : "";
    return offer(names.map((name) => front + name));
  }
  const choices = option === undefined ? undefined : options[option]?.choices;
  if (choices !== undefined) return offer(choices);
  if (current.startsWith("-"))
    return describe([
      ...Object.entries(options).map(
        ([name, option]) => [optionText(name, option).split(" ")[0] ?? "", option.describe] as const,
      ),
      ["--help", "show help"],
    ]);
  if (spec !== undefined) return [];
  return describe(
    specs
      .filter((one) => plain.every((word, index) => commandWords(one)[index] === word))
      .flatMap((one) =>
        commandWords(one)
          .slice(plain.length, plain.length + 1)
          .map((word) => [word, one.describe] as const),
      ),
  );
}

/** The name of the positional that comes after these words. */
function placeAt(spec: CommandSpec, plain: readonly string[]): string | undefined {
  const places = positionalsOf(spec);
  const last = places.at(-1);
  return (places[plain.length - commandWords(spec).length] ?? (last?.many === true ? last : undefined))?.name;
}

/** Completion reports no errors: an unreadable project or manifest has no names. */
function projectNames(givenRoot: string | undefined, known: Known): readonly string[] {
  try {
    const root = findRoot(resolve("."), givenRoot);
    if (known === "templates") return templateNames(root) ?? [];
    const manifest = JSON.parse(textNow(paths(root).manifest) ?? "") as {
      readonly versions?: Readonly<Record<string, unknown>>;
      readonly channels?: Readonly<Record<string, object>>;
    };
    const channels = Object.values(manifest.channels ?? {}).flatMap((own) => Object.keys(own));
    if (known === "channels") return [...new Set(channels)];
    const ids = Object.keys(manifest.versions ?? {});
    const versions = ids.map((id) => id.slice(id.indexOf("@") + 1, id.lastIndexOf("-")));
    return [...new Set([...channels, ...versions, ...ids])];
  } catch {
    return [];
  }
}

export const completionCommand: CommandHandler = async (args, { host }) => {
  const shell = args.text("shell") ?? basename(host.env["SHELL"] ?? "bash");
  const script = COMPLETION_SCRIPTS[shell];
  if (script === undefined)
    throw wrongUsage(
      `Completion is not available for ${shell}.`,
      `Use one of ${Object.keys(COMPLETION_SCRIPTS).join(", ")}: mesa-template completion bash.`,
    );
  return Promise.resolve({ json: { shell, script }, text: script });
};
