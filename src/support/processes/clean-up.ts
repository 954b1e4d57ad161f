import { messageOf } from "../errors";
import type { Host } from "../host";

/**
 * Does work, then cleans up, however the work ended. If the work failed, a failing clean-up is only a warning: it must not hide the cause.
 */
export async function withCleanUp<T>(
  work: () => Promise<T>,
  cleanUp: () => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await cleanUp().catch(onFailure);
    throw error;
  }
  await cleanUp();
  return result;
}

/** Warns that a clean-up failed. */
export function warnThatStays({ emit, redact }: Host, what: string, template?: string) {
  return (error: unknown): void => {
    const message = `${what} could not be removed: ${redact(messageOf(error))}`;
    emit({ type: "warning", message, ...(template === undefined ? {} : { template }) });
  };
}
