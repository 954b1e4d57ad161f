import { quoted } from "../support/quoted";

/**
 * The command line that runs `argv` with its two outputs in files of `folder`. The shell stays above it: the sandbox API says
 * -1 of what a signal ended, a shell 128 + n. It outlives an interrupt that goes to the whole group, to tell how the
 * command ended; what is run in the parentheses has the signals' own meaning again.
 */
export function commandLine(argv: readonly string[], cwd: string, folder: string): string {
  const run = `( cd ${quoted(cwd)} && exec ${argv.map(quoted).join(" ")} ) > ${folder}/out 2> ${folder}/err`;
  return `mkdir -p ${folder} && : > ${folder}/out && : > ${folder}/err && trap : INT TERM && { ${run}; exit $?; }`;
}

/**
 * A script for one line at a prompt: it begins where the line before it ended, with the variables that one exported.
 * @param memory path of a file that no other prompt has; what is kept lies beside it
 */
export function promptScript(line: string, memory: string): string {
  return [
    `[ -f ${memory}.env ] && . ${memory}.env`,
    `[ -f ${memory}.cwd ] && cd "$(cat ${memory}.cwd)" 2>/dev/null`,
    `trap 'c=$?; pwd > ${memory}.cwd; export -p > ${memory}.env; exit $c' EXIT`,
    line,
  ].join("\n");
}
