import { setMaxListeners } from "node:events";
import { Failure, hasErrno } from "../support/errors";

/** Whether to end without a message: closing standard output is intentional. */
export function isQuiet(error: unknown): boolean {
  return error instanceof Failure && error.code === "STDOUT_CLOSED";
}

/** What a failed write to standard output means: a reader that stopped reading (… | head -1), or a lost result (a full disk). */
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
 * Aborts a signal on SIGINT, SIGTERM, SIGHUP and when standard output is closed, so that everything is cleaned up first. A third signal
 * ends the program at once. A closed standard error has no effect.
 * @param announce reports that the clean-up has started
 */
export function interruption(announce: (text: string) => void): {
  readonly signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  // All concurrent work listens to it; Node warns of a leak from the eleventh listener on.
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
        hint: "Run the same command again. A release resumes after its last finished stage.",
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
  // Stays registered: the last write may fail after the command has ended.
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
