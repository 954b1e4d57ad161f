import { Failure } from "../support/errors";
import { isOfDead } from "../support/processes/alive";
import { PROCESS_LABEL, type Host } from "../support/host";
import { within } from "../support/processes/within";
import { deleteSandbox, listTemporary, reasonOf } from "./sandboxes";

/** Time limit for finding and deleting leftovers of dead runs, in ms. */
const LIMIT_MS = 10_000;

/**
 * Deletes the temporary sandboxes of this machine's dead processes (kill -9, a power cut), by the mark in their label. Those of live
 * processes and of other machines stay. A failure is only a warning: the next run tries again.
 * @returns whether there were any: such a run may have left something outside Blaxel too
 */
export async function removeLeftSandboxes(host: Host): Promise<boolean> {
  const work = async (): Promise<boolean> => {
    const found = await listTemporary(host);
    const dead = found.filter(({ labels }) => isOfDead(labels[PROCESS_LABEL] ?? ""));
    await Promise.all(dead.map(({ name }) => deleteSandbox(host, name)));
    return dead.length > 0;
  };
  try {
    const late = (): Error => new Error(`Blaxel did not respond within ${String(LIMIT_MS / 1000)} s`);
    return await within(host.clock, work(), LIMIT_MS, host.signal, late);
  } catch (error) {
    // Without a login, the command itself says so.
    if (host.signal.aborted || error instanceof Failure) return false;
    const message = `sandboxes of killed runs could not be deleted: ${reasonOf(error)}. mesa-template sandbox clean removes them.`;
    host.emit({ type: "warning", message });
    return false;
  }
}
