import { causeOf, failureOf, messageOf } from "../../support/errors";
import { redactValue, type Redactor } from "../../support/redact";
import type { CommandOutcome } from "../command";

/** A JSON answer as text. */
export function jsonText(document: Readonly<Record<string, unknown>>, redact: Redactor): string {
  return JSON.stringify(redactValue(document, redact));
}

/** The `error` of a JSON answer. */
export function errorDocument(error: unknown): Readonly<Record<string, unknown>> {
  const failure = failureOf(error);
  return {
    code: failure?.code ?? "INTERNAL",
    message: messageOf(failure ?? error),
    ...(failure?.template === undefined ? {} : { template: failure.template }),
    hint: failure?.hint ?? null,
    cause: causeOf(failure ?? error) ?? null,
    log: failure?.log ?? [],
  };
}

/** The outcome for several templates, each with its own error. */
export function resultsOutcome(
  results: readonly { readonly error?: unknown }[],
  text: string,
): CommandOutcome {
  return {
    errors: results.flatMap(({ error }) => (error === undefined ? [] : [error])),
    json: {
      results: results.map(({ error, ...result }) =>
        error === undefined ? result : { ...result, error: errorDocument(error) },
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
