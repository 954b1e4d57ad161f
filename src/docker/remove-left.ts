import { isOfDead } from "../support/alive";
import { messageOf } from "../support/errors";
import { PROCESS_LABEL, type Host } from "../support/host";
import type { Engine } from "./engine";

/**
 * Removes what runs that died (kill -9, a lost engine) left on the engine: containers, and images made for a look at it. Their label
 * names the process that would have removed them; what belongs to one that lives, or to another machine's, is left alone. What
 * cannot be removed is told, and tried again by the next run that connects.
 */
export async function removeLeft(host: Host, engine: Engine): Promise<void> {
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
