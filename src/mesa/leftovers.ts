import { isOfDead, markText, thisProcess } from "../support/processes/alive";
import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/processes/time-limit";
import type { MesaAccess } from "./access";
import { mesaApi } from "./api";

/** Time limit for finding and removing leftovers of dead processes in Mesa, in ms. */
const LIMIT_MS = 20_000;

/** The name of a temporary object in Mesa: with this process's mark, by which a later run recognizes a leftover. */
export function temporaryMesaName(name: string): string {
  return `${name}.${markText(thisProcess())}`;
}

/** The name without the mark. */
export function unmarked(name: string): string {
  return name.replace(/\..*$/u, "");
}

/** The unrevoked API keys and the repositories with a wanted name. Mesa does not list tokens that a private key signed. */
export async function foundInMesa(host: Host, access: MesaAccess, isWanted: (name: string) => boolean) {
  const api = mesaApi(host, access);
  const [keys, repos] = await Promise.all([
    access.credential.kind === "api-key" ? api.listKeys() : [],
    api.listRepos(),
  ]);
  return {
    keys: keys.filter(({ name, revoked }) => !revoked && isWanted(name)),
    repos: repos.filter(isWanted),
  };
}

/**
 * Revokes the temporary keys and deletes the temporary repositories of this machine's dead processes (kill -9, a power cut). A failure is
 * only a warning.
 */
export async function removeLeftInMesa(runHost: Host, access: MesaAccess): Promise<void> {
  const host = { ...runHost, signal: timeLimit(LIMIT_MS, runHost.signal) };
  const api = mesaApi(host, access);
  try {
    const { keys, repos } = await foundInMesa(host, access, isOfDead);
    for (const { id } of keys) await api.revokeKey(id);
    for (const name of repos) await api.deleteRepo(name);
  } catch (error) {
    if (runHost.signal.aborted) return;
    const message = `leftovers of killed runs in Mesa could not be removed: ${host.redact(messageOf(error))}. mesa-template sandbox clean removes them.`;
    host.emit({ type: "warning", message });
  }
}
