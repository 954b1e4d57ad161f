import { isOfDead } from "../support/processes/alive";
import { messageOf } from "../support/errors";
import { PROCESS_LABEL, type Host } from "../support/host";

interface Labelled {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Removes containers or temporary images of dead runs (kill -9, a lost engine). Their label names the process that would have removed
 * them; those of live processes and of other machines stay. Reports what cannot be removed; the next run tries again.
 * @param list tells what has a label
 */
export async function removeLeft(
  host: Host,
  list: (labels: readonly string[]) => Promise<readonly Labelled[]>,
  remove: (id: string) => Promise<unknown>,
): Promise<void> {
  try {
    for (const { id, labels } of await list([PROCESS_LABEL]))
      if (isOfDead(labels[PROCESS_LABEL] ?? "")) await remove(id);
  } catch (error) {
    host.signal.throwIfAborted();
    const message = `leftovers of a killed run could not be removed from the engine: ${messageOf(error)}`;
    host.emit({ type: "warning", message });
  }
}
