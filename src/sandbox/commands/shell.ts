import { quoted } from "../../support/text/quoted";

/**
 * The command line that runs `argv` with both outputs in files of `folder`. A shell stays above it, because the sandbox API reports -1 for
 * a killed program and a shell 128 + n. The shell ignores an interrupt of the whole group, to report how the command ended; inside the
 * parentheses signals work as usual.
 */
export function commandLine(argv: readonly string[], cwd: string, folder: string): string {
  const run = `( cd ${quoted(cwd)} && exec ${argv.map(quoted).join(" ")} ) > ${folder}/out 2> ${folder}/err`;
  return `mkdir -p ${folder} && : > ${folder}/out && : > ${folder}/err && trap : INT TERM && { ${run}; exit $?; }`;
}

/**
 * A script for one line at a prompt: starts in the previous line's folder, with its exported variables.
 * @param memory path of a file for this prompt only; the state is stored beside it
 */
export function promptScript(line: string, memory: string): string {
  return [
    `[ -f ${memory}.env ] && . ${memory}.env`,
    `[ -f ${memory}.cwd ] && cd "$(cat ${memory}.cwd)" 2>/dev/null`,
    `trap 'c=$?; pwd > ${memory}.cwd; export -p > ${memory}.env; exit $c' EXIT`,
    line,
  ].join("\n");
}
