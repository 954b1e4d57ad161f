import { Failure } from "../support/errors";

/** An input that does not verify or does not exist (exit 4). */
export function refusal(code: string, message: string, hint?: string, cause?: unknown): Failure {
  return new Failure({ code, kind: "upstream", message, hint, cause });
}
