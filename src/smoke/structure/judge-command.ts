import type { Ran } from "./command-batch";
import { judged, shown, textAsked, type Judged } from "../judged";
import type { CommandTest } from "./structure-file";

/** A `$1` or `$$` in a script is gone before the shell sees it; whoever wrote it meant the shell's. */
function eatenHint(test: CommandTest): string | undefined {
  const found = test.args
    .map((arg) => /\$(\{?[0-9@*#?$!-]\}?)/u.exec(arg)?.[0])
    .find((one) => one !== undefined);
  return found === undefined
    ? undefined
    : `${found} never reaches the shell: $… in command and args is replaced from the image's environment first, and the shell's own variables become empty.`;
}

/** What a command test says of a program that was run for it. */
export function judgeCommand(test: CommandTest, ran: Ran): Judged {
  if (ran.cannotStart !== undefined)
    return judged([
      {
        expected: `${test.command} to be run`,
        seen: ran.cannotStart,
        holds: false,
        hint: "The program is not in the image, or cannot be executed. A test cannot expect that: no exit code makes it pass.",
      },
    ]);
  if (ran.timedOut)
    return judged([
      {
        expected: "an end",
        seen: `none after ${(ran.durationMs / 1000).toFixed(1)} s`,
        holds: false,
        hint: "container-structure-test has no time limit; this runner has one (60 s), so that a release does not hang.",
      },
    ]);
  const asked = [
    ...textAsked("stdout", ran.stdout, test.expectedOutput, test.excludedOutput),
    ...textAsked("stderr", ran.stderr, test.expectedError, test.excludedError),
    {
      expected: `exit code ${String(test.exitCode)}`,
      seen: `exit code ${String(ran.exitCode)}, stdout ${JSON.stringify(shown(ran.stdout))}, stderr ${JSON.stringify(shown(ran.stderr))}`,
      holds: ran.exitCode === test.exitCode,
    },
  ];
  const hint = eatenHint(test);
  return judged(hint === undefined ? asked : asked.map((one) => ({ ...one, hint })));
}
