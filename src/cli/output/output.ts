import { causeOf, failureOf, messageOf } from "../../support/errors";
import type { Redactor } from "../../support/redact";
import type { CommandContext, CommandOutcome } from "../command";

/** The `error` of a JSON answer. */
export function errorDocument(error: unknown, redact: Redactor): Readonly<Record<string, unknown>> {
  const failure = failureOf(error);
  const cause = causeOf(failure ?? error);
  return {
    code: failure?.code ?? "INTERNAL",
    message: redact(messageOf(failure ?? error)),
    ...(failure?.template === undefined ? {} : { template: failure.template }),
    hint: failure?.hint === undefined ? null : redact(failure.hint),
    cause: cause === undefined ? null : redact(cause),
    log: (failure?.log ?? []).map((line) => redact(line)),
  };
}

/** The outcome for several templates. The first error decides the exit code; people see all of them on stderr. */
export function resultsOutcome(
  results: readonly { readonly error?: unknown }[],
  { host: { redact }, json, terminal }: CommandContext,
  text: string,
): CommandOutcome {
  const errors = results.flatMap(({ error }) => (error === undefined ? [] : [error]));
  if (!json) for (const error of errors) terminal.stderr(errorText(error, redact));
  return {
    error: errors[0],
    json: {
      results: results.map(({ error, ...result }) =>
        error === undefined ? result : { ...result, error: errorDocument(error, redact) },
      ),
    },
    text,
  };
}

/**
 * An error for people: cause first, the other program's last lines, the next step. Only a fault of this
 * program shows its stack.
 */
export function errorText(error: unknown, redact: Redactor): string {
  const failure = failureOf(error);
  const message = messageOf(failure ?? error);
  const lines = [`error: ${failure?.template === undefined ? "" : `${failure.template}: `}${message}`];
  const cause = causeOf(failure ?? error);
  if (cause !== undefined && !message.includes(cause)) lines.push(`cause: ${cause}`);
  for (const line of failure?.log ?? []) lines.push(`  | ${line}`);
  if (failure?.hint !== undefined) lines.push(`what to do: ${failure.hint}`);
  if (failure === undefined && error instanceof Error && error.stack !== undefined) lines.push(error.stack);
  return redact(`${lines.join("\n")}\n`);
}
