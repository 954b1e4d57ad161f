import { basename, resolve } from "node:path";
import { textNow } from "../support/files/files";
import { findRoot, paths, templateNames } from "../support/files/paths";
import type { CommandHandler, CommandSpec } from "./command";
import { commandOf, commandWords, optionsOf, positionalsOf, wrongUsage } from "./command-line";

/** The option by which the scripts below ask for candidates. The words of the line follow it, the program's name first. */
export const COMPLETION_OPTION = "--complete";

/**
 * Bash splits words at @, = and :, which ids and options contain. So the line is split at spaces only, and
 * the text before bash's own word ($2) is removed.
 */
const BASH = `# mesa-template completion for bash: eval "$(mesa-template completion bash)"
_mesa_template() {
  local words current answer
  read -ra words <<<"\${COMP_LINE:0:COMP_POINT}"
  current=\${words[-1]}
  [[ \${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || { current=; words+=(""); }
  mapfile -t answer < <(SHELL=bash "$1" ${COMPLETION_OPTION} "\${words[@]}" 2>/dev/null)
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
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _mesa_template mesa-template
`;

/** The script that makes a shell complete this program's command lines. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH };

type Known = "refs" | "channels" | "templates";

const BY_NAME: Readonly<Record<string, Known>> = {
  ref: "refs",
  a: "refs",
  b: "refs",
  id: "refs",
  to: "refs",
  since: "refs",
  "mesa-version": "refs",
  versions: "refs",
  channel: "channels",
  template: "templates",
};

/**
 * Candidates at the cursor: names of the project, an option's choices, commands, options. zsh also gets descriptions.
 * @param words the command line after the program's name; the last word is being typed
 */
export function candidatesAtCursor(
  words: readonly string[],
  specs: readonly CommandSpec[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const [current = "", previous = ""] = words.toReversed();
  const names = namesAtCursor(words, specs, env);
  if (names !== undefined) return names;
  const plain = words.slice(0, -1).filter((word) => !word.startsWith("-"));
  const spec = commandOf(plain, specs);
  const options = optionsOf(spec);
  const choices = options[optionName(previous)]?.choices;
  if (choices !== undefined) return choices.filter((choice) => choice.startsWith(current));
  const described = env["SHELL"]?.endsWith("zsh") === true;
  const offer = (entries: readonly (readonly [string, string])[]): readonly string[] =>
    [...new Map(entries)]
      .filter(([name]) => name.startsWith(current))
      .map(([name, about]) => (described ? `${name}:${about}` : name));
  if (current.startsWith("-"))
    return offer([
      ...Object.entries(options).map(([name, { describe }]) => [`--${name}`, describe] as const),
      ["--help", "show help"],
    ]);
  if (spec !== undefined) return [];
  const at = plain.length;
  return offer(
    specs
      .filter((one) => plain.every((word, index) => commandWords(one)[index] === word))
      .flatMap((one) => {
        const word = commandWords(one)[at];
        return word === undefined ? [] : [[word, one.describe] as const];
      }),
  );
}

/**
 * The project's REFs, channels or templates that fit at the cursor; undefined where something else belongs.
 * @param words the command line after the program's name; the last word is being typed
 */
function namesAtCursor(
  words: readonly string[],
  specs: readonly CommandSpec[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] | undefined {
  const [current = "", previous = ""] = words.toReversed();
  const rootOption = words.findLast((_word, index) => words[index - 1] === "--root");
  const option = /^--([a-z-]+)$/u.exec(previous)?.[1];
  let known = option === undefined ? undefined : BY_NAME[option];
  if (option === undefined && !current.startsWith("-")) {
    const plain = words
      .slice(0, -1)
      .filter((word, index) => !word.startsWith("-") && BY_NAME[optionName(words[index - 1])] === undefined);
    const spec = specs.find((one) => commandWords(one).every((word, index) => plain[index] === word));
    if (spec === undefined) return undefined;
    const places = positionalsOf(spec);
    const at = plain.length - commandWords(spec).length;
    const place = places[at] ?? (places.at(-1)?.many === true ? places.at(-1) : undefined);
    known = place === undefined ? undefined : BY_NAME[place.name];
  }
  if (known === undefined) return undefined;
  const front = known === "templates" ? current.slice(0, current.lastIndexOf(",") + 1) : "";
  return projectNames(rootOption ?? env["MESA_TEMPLATE_ROOT"], known)
    .map((name) => front + name)
    .filter((name) => name.startsWith(current));
}

function optionName(word: string | undefined): string {
  return word?.startsWith("--") === true ? word.slice(2) : "";
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

export const completionCommand: CommandHandler = (args, { host }) => {
  const shell = args.text("shell") ?? basename(host.env["SHELL"] ?? "bash");
  const script = COMPLETION_SCRIPTS[shell];
  if (script === undefined)
    return Promise.reject(
      wrongUsage(
        `Completion is not available for ${shell}.`,
        `Use one of ${Object.keys(COMPLETION_SCRIPTS).join(", ")}: mesa-template completion bash.`,
      ),
    );
  return Promise.resolve({
    json: { shell, script },
    text: script,
  });
};
