import { readFileSync } from "node:fs";
import { candidatesFor, wordsOf } from "./candidates";
import { knownValues, rootOf } from "./known-values";
import type { CompletionWords } from "./words";

/** What the scripts for shells understand as "file names belong here". */
export const FILES = ":files";

/**
 * Answers a shell that asks what may stand at the cursor: one candidate a line, for shells that show it with what it is for
 * behind a tab. The words come from a file that the build wrote; no command is loaded.
 * @param wordsFile completion.json
 */
export function completionAnswer(
  wordsFile: URL,
  shell: string,
  line: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const words = JSON.parse(readFileSync(wordsFile, "utf8")) as CompletionWords;
  const lineWords = wordsOf(line);
  const found = candidatesFor(words, lineWords, (source) => knownValues(rootOf(lineWords, env), source));
  if (found === "files") return `${FILES}\n`;
  return found
    .map(({ value, describe }) =>
      shell === "bash" || describe === "" ? `${value}\n` : `${value}\t${describe}\n`,
    )
    .join("");
}
