import { EXIT_CODES, type ExitCode, type FailureKind } from "./exit-codes";

export type { FailureKind } from "./exit-codes";

export interface FailureDetails {
  /** Stable machine name in capitals, e.g. SMOKE_FAILED. */
  readonly code: string;
  readonly kind: FailureKind;
  /** What failed and why, one sentence, cause first. */
  readonly message: string;
  /** The next step for whoever reads it. */
  readonly hint?: string | undefined;
  /** The template (or id) it happened to. */
  readonly template?: string | undefined;
  /** The other side's own last lines. */
  readonly log?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** The one error this program throws on purpose. Anything else that reaches the top is a fault of ours (exit 1, with stack). */
export class Failure extends Error {
  readonly code: string;
  readonly kind: FailureKind;
  readonly hint: string | undefined;
  readonly template: string | undefined;
  readonly log: readonly string[];

  constructor(details: FailureDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.kind = details.kind;
    this.hint = details.hint;
    this.template = details.template;
    this.log = details.log ?? [];
  }

  /** The same failure, said to have happened to a template. */
  on(template: string): Failure {
    if (this.template !== undefined) return this;
    return new Failure({ ...this.details(), template });
  }

  details(): FailureDetails {
    return {
      code: this.code,
      kind: this.kind,
      message: this.message,
      hint: this.hint,
      template: this.template,
      log: this.log,
      cause: this.cause,
    };
  }
}
Failure.prototype.name = "Failure";

/** The exit code for anything thrown: a Failure's own, else 1. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof Failure ? EXIT_CODES[error.kind] : EXIT_CODES.internal;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The chain of causes below an error as one line ("a: b: c"), without repeating a text that is already said. */
export function causeOf(error: unknown): string | undefined {
  const said: string[] = [];
  let current: unknown = error instanceof Error ? error.cause : undefined;
  while (current !== undefined && current !== null && said.length < 6) {
    const text = messageOf(current);
    if (text !== "" && !said.includes(text)) said.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return said.length === 0 ? undefined : said.join(": ");
}

/** Whether an error is one of node:fs's with this errno name. */
export function hasErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
