import { isOfDead, markText, thisProcess } from "../support/alive";
import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { timeLimit } from "../support/time-limit";
import type { MesaAccess } from "./access";
import { mesaApi } from "./api";

/** How long looking for what dead processes left in Mesa, and taking it away, may take, in ms. */
const LIMIT_MS = 20_000;

/** A name for what this process makes in Mesa and takes away again, with its mark: a later run can tell whether it was left behind. */
export function temporaryMesaName(name: string): string {
  return `${name}.${markText(thisProcess())}`;
}

/** The name without the mark. */
export function unmarked(name: string): string {
  return name.replace(/\..*$/u, "");
}

/** API keys and repositories in Mesa. */
export interface InMesa {
  readonly keys: readonly { readonly id: string; readonly name: string }[];
  readonly repos: readonly string[];
}

/** The API keys that hold and the repositories whose names are wanted. A private key signs tokens, which Mesa keeps no list of. */
export async function foundInMesa(
  host: Host,
  access: MesaAccess,
  isWanted: (name: string) => boolean,
): Promise<InMesa> {
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
 * Revokes the keys and deletes the repositories that dead processes of this machine made for themselves (kill -9, a power cut). What
 * cannot be taken away is a warning.
 */
export async function takeAwayDead(runHost: Host, access: MesaAccess): Promise<void> {
  const host = { ...runHost, signal: timeLimit(LIMIT_MS, runHost.signal) };
  const api = mesaApi(host, access);
  try {
    const { keys, repos } = await foundInMesa(host, access, isOfDead);
    for (const { id } of keys) await api.revokeKey(id);
    for (const name of repos) await api.deleteRepo(name);
  } catch (error) {
    if (runHost.signal.aborted) return;
    const message = `what killed runs left in Mesa could not be removed: ${host.redact(messageOf(error))}. mesa-template sandbox clean removes it.`;
    host.emit({ type: "warning", message });
  }
}
