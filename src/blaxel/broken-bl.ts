import { Failure } from "../support/errors";
import type { BlAnswer } from "./run-bl";

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
  if (answer.exitCode === 2 || /^panic: |^goroutine \d+ \[/mu.test(answer.stderr))
    return new Failure({
      code: "BL_PANIC",
      kind: "environment",
      message: `${what} ended in a panic of bl (${answer.ending}): ${panicLine(answer)}`,
      log: answer.lastLines,
      hint: "Update bl; if it happens again, report it with the lines above.",
    });
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

function panicLine(answer: BlAnswer): string {
  return /^panic: .*$/mu.exec(answer.stderr)?.[0] ?? answer.lastLines.at(-1) ?? "it printed nothing";
}
