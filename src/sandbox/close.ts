import type { SandboxInstance } from "@blaxel/core";
import { deleteSandbox } from "../blaxel/sandboxes";
import type { MesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import type { MountPlan } from "../mesa/mount-plan";
import { unmountScript } from "../mesa/mount-script";
import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { execScript } from "./exec";

/** What could not be cleaned up, in words with what to do. */
export type Leftovers = readonly string[];

/** What was made so far; each part is undefined until it is there. */
export interface Made {
  readonly access: MesaAccess;
  readonly keyId: string | undefined;
  /** The sandbox's name, from the moment it was asked for. */
  readonly sandboxName: string | undefined;
  readonly mounted: { readonly sandbox: SandboxInstance; readonly plan: MountPlan } | undefined;
}

/** How long cleaning up may take, in ms. */
const LIMIT_MS = 60_000;

/**
 * Flushes and unmounts, revokes the credential, deletes the sandbox: each is tried whatever became of the others, also after
 * Ctrl-C (so with a time limit in place of the run's signal).
 */
export async function cleanUp(runHost: Host, made: Made): Promise<Leftovers> {
  const host: Host = { ...runHost, signal: AbortSignal.timeout(LIMIT_MS) };
  const leftovers: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      leftovers.push(`${what}: ${host.redact(messageOf(error))}`);
    }
  };
  const { access, keyId, sandboxName, mounted } = made;
  // What is still buffered must reach Mesa while the credential lives; a sandbox that died has nothing to flush.
  if (mounted !== undefined) {
    const unmounted = await execScript(mounted.sandbox, unmountScript(mounted.plan)).catch(() => undefined);
    if (unmounted?.exitCode === 47)
      leftovers.push("the mount had to be torn off: what was written last may not have reached Mesa");
  }
  if (keyId !== undefined)
    await attempt(`the credential ${keyId} could not be revoked (it ends by itself)`, () =>
      mesaApi(host, access).revokeKey(keyId),
    );
  if (sandboxName !== undefined)
    await attempt(`the sandbox ${sandboxName} could not be deleted (bl delete sandbox ${sandboxName})`, () =>
      deleteSandbox(host, sandboxName),
    );
  return leftovers;
}
