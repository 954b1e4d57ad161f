import { messageOf } from "./errors";
import type { Host } from "./host";

/**
 * Does work, and cleans up whatever became of it. What went wrong first is thrown: a clean-up that fails after that is only told, or
 * it would hide the cause.
 */
export async function withCleanUp<T>(
  work: () => Promise<T>,
  cleanUp: () => Promise<void>,
  tell: (error: unknown) => void,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await cleanUp().catch(tell);
    throw error;
  }
  await cleanUp();
  return result;
}

/** Tells as a warning that a clean-up failed. */
export function warnThatStays({ emit, redact }: Host, what: string, template?: string) {
  return (error: unknown): void => {
    const message = `${what} could not be removed: ${redact(messageOf(error))}`;
    emit({ type: "warning", message, ...(template === undefined ? {} : { template }) });
  };
}
