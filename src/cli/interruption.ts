import { setMaxListeners } from "node:events";
import { Failure, hasErrno } from "../support/errors";

/** Whether to end without a message: whoever closed standard output expects it. */
export function isQuiet(error: unknown): boolean {
  return error instanceof Failure && error.code === "STDOUT_CLOSED";
}

/** What it means that standard output takes nothing: a reader that has read enough (… | head -1), or a lost result (a full disk). */
export function stdoutFailure(error: Error): Failure {
  const [message, cause] = ["Standard output was closed.", error];
  if (hasErrno(error, "EPIPE"))
    return new Failure({ code: "STDOUT_CLOSED", kind: "interrupted", message, cause });
  return new Failure({
    code: "STDOUT_FAILED",
    kind: "environment",
    message: `The result could not be written to standard output: ${error.message}`,
    hint: "Check where the output goes, for example whether the disk is full. The command itself was completed.",
    cause,
  });
}

/**
 * Turns SIGINT, SIGTERM, SIGHUP and a closed standard output into an aborted signal, so that everything is
 * cleaned up before the end. A third signal ends the program at once. A closed standard error changes
 * nothing.
 * @param announce tells people that the clean-up has started
 */
export function interruption(announce: (text: string) => void): {
  readonly signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  // Whatever runs at the same time listens; Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, controller.signal);
  let count = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    count += 1;
    if (count > 2) process.exit(130);
    if (count === 1) announce(`interrupted by ${name}: cleaning up (a third signal ends at once)\n`);
    controller.abort(
      new Failure({
        code: "INTERRUPTED",
        kind: "interrupted",
        message: `Interrupted by ${name}.`,
        hint: "Run the same command again: it resumes after the last finished stage.",
      }),
    );
  };
  const onStdoutError = (error: Error): void => {
    controller.abort(stdoutFailure(error));
  };
  const ignore = (): void => undefined;
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  process.stdout.on("error", onStdoutError);
  // For good: what was written last may fail after the command has ended.
  process.stderr.on("error", ignore);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, onSignal);
      process.stdout.on("error", ignore);
      process.stdout.off("error", onStdoutError);
    },
  };
}
