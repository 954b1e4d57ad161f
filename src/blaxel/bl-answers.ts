import * as z from "zod/mini";
import { Failure } from "../support/errors";
import { outputLines } from "../support/text/output-lines";
import { parsedJson } from "../support/text/parsed-json";
import type { BlAnswer } from "./run-bl";

/** A field that bl's SDK omits or fills with "" or null if the platform has no value. */
const text = z.pipe(
  z.nullish(z.string()),
  z.transform((given) => (given === "" || given === null ? undefined : given)),
);

/** The parts of bl's JSON that this program reads; everything else may change. */
export const sandboxAnswer = z.array(
  z.object({
    metadata: z.object({ name: z.string(), url: text, createdAt: text }),
    spec: z.nullish(
      z.object({
        runtime: z.nullish(
          z.object({ image: text, envs: z.nullish(z.array(z.object({ name: z.string(), value: text }))) }),
        ),
      }),
    ),
    status: text,
  }),
);

export const imageAnswer = z.array(
  z.object({
    metadata: z.object({ name: z.string(), status: text, updatedAt: text }),
    spec: z.nullish(z.object({ tags: z.nullish(z.array(z.object({ name: z.string(), createdAt: text }))) })),
  }),
);

/** Without a file to upload, bl omits `files`. */
export const dryRunAnswer = z.object({
  dryRun: z.literal(true),
  files: z.nullish(z.array(z.object({ name: z.string(), size: z.number() }))),
});

export const deployAnswer = z.object({
  success: z.boolean(),
  resources: z.array(z.object({ name: text, status: text, error: text })),
});

/**
 * The JSON document in bl's stdout. Prose may precede it ("Build args: 2 variable(s) detected", a note about an unresolved variable) and
 * follow it, so it begins at the first line from which a whole document parses (bl 0.1.108 indents its JSON: that line is "{", "[", or
 * "[]").
 * @returns undefined if there is none
 */
export function jsonIn(stdout: string): unknown {
  const lines = stdout.split("\n");
  for (const [index, line] of lines.entries()) {
    if (!/^[{[]/u.test(line)) continue;
    const parsed = longestJson(lines.slice(index));
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

/** The longest JSON document at the start of these lines; drops prose after it line by line. */
function longestJson(lines: readonly string[]): unknown {
  for (let end = lines.length; end > 0; end -= 1) {
    if (!/[}\]]\s*$/u.test(lines[end - 1] ?? "")) continue;
    const parsed = parsedJson(lines.slice(0, end).join("\n"));
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

/** bl's advice about the key, which it prints for refused uploads, where the key is never the reason. */
const ADVICE_LINE = /^(?:⚠ Authentication is using|If this is unexpected)/u;

/**
 * bl's reason: its last "Reason:" line on stderr, else its message about a resource on stdout (`bl get` writes its errors there), else its
 * last line. A build log is on stdout and is not bl's reason (bl 0.1.108).
 */
export function reasonIn({ stdout, stderr }: Pick<BlAnswer, "stdout" | "stderr">): string {
  const [errors = [], output = []] = [stderr, stdout].map((text) =>
    outputLines(text)
      .map((line) => line.trim())
      .filter((line) => !ADVICE_LINE.test(line)),
  );
  return (
    after(/^Reason:/u, errors) ??
    after(/^Resource \S+ error:/u, output) ??
    errors.at(-1) ??
    output.at(-1) ??
    "it printed nothing"
  );
}

/** The text after the mark in the last line that begins with it. */
function after(mark: RegExp, lines: readonly string[]): string | undefined {
  return lines
    .findLast((line) => mark.test(line))
    ?.replace(mark, "")
    .trim();
}

/**
 * The failure of bl itself: it hung, panicked, was killed, or could not start. Undefined if bl exited by itself, whatever it reported.
 * @param what the start of the sentence: "bl deploy of mesa-debian"
 */
export function brokenBl(answer: BlAnswer, what: string): Failure | undefined {
  if (answer.timedOut)
    return new Failure({
      code: "BL_HANGS",
      kind: "environment",
      message: `${what} ${answer.ending}.`,
      log: answer.lastLines,
      hint: "Blaxel or the network drops requests, or bl is broken. Try again, or allow more time with --deploy-timeout.",
    });
  if (answer.exitCode === 2 || /^panic: |^goroutine \d+ \[/mu.test(answer.stderr)) {
    const said = /^panic: .*$/mu.exec(answer.stderr)?.[0] ?? answer.lastLines.at(-1) ?? "it printed nothing";
    return new Failure({
      code: "BL_PANIC",
      kind: "environment",
      message: `${what} ended in a panic of bl (${answer.ending}): ${said}`,
      log: answer.lastLines,
      hint: "Update bl; if it happens again, report it with the lines above.",
    });
  }
  if (answer.exitCode === null)
    return new Failure({
      code: "BL_BROKEN",
      kind: "environment",
      message: `${what} ${answer.ending}.`,
      log: answer.lastLines,
      hint: "Check with bl --version that it runs here, and that enough memory is free.",
    });
  return undefined;
}
