import { Failure, messageOf } from "../support/errors";

/** One finding of doctor. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly seen: string;
  readonly todo?: string;
}

/** The result of a check; a failure becomes a finding with its hint. Never rejects. */
export async function finding(name: string, work: () => string | Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, seen: await work() };
  } catch (error) {
    const log = error instanceof Failure ? error.log : [];
    return {
      name,
      ok: false,
      seen: messageOf(error) + (log.length === 0 ? "" : ` (${log.join("; ")})`),
      ...(error instanceof Failure && error.hint !== undefined ? { todo: error.hint } : {}),
    };
  }
}
