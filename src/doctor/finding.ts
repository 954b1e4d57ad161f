import { Failure, messageOf } from "../support/errors";

/** One thing that doctor looked at. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly seen: string;
  readonly todo?: string;
}

/** What is seen by looking; a failure is seen too, and its hint is what to do. Never rejects. */
export async function finding(name: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { name, ok: true, seen: await work() };
  } catch (error) {
    return {
      name,
      ok: false,
      seen: messageOf(error),
      ...(error instanceof Failure && error.hint !== undefined ? { todo: error.hint } : {}),
    };
  }
}
