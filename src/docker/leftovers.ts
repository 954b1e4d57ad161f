import { isOfDead } from "../support/processes/alive";
import { messageOf } from "../support/errors";
import { PROCESS_LABEL, type Host } from "../support/host";
import type { Engine } from "./engine";

/**
 * Removes containers and temporary images of dead runs (kill -9, a lost engine). Their label names the process that would have removed
 * them; those of live processes and of other machines stay. Reports what cannot be removed; the next run tries again.
 */
export async function removeLeftOnEngine(host: Host, engine: Engine): Promise<void> {
  const left = <T extends { readonly labels: Readonly<Record<string, string>> }>(found: readonly T[]): T[] =>
    found.filter(({ labels }) => isOfDead(labels[PROCESS_LABEL] ?? ""));
  try {
    for (const { id } of left(await engine.containers([PROCESS_LABEL]))) await engine.removeContainer(id);
    for (const { id } of left(await engine.images([PROCESS_LABEL]))) await engine.removeImage(id);
  } catch (error) {
    host.signal.throwIfAborted();
    const message = `leftovers of a killed run could not be removed from the engine: ${messageOf(error)}`;
    host.emit({ type: "warning", message });
  }
}
