import type { SandboxInstance } from "@blaxel/core";
import { reasonOf } from "../blaxel/sandboxes";
import type { TemporarySandbox } from "../blaxel/temporary-sandbox";
import type { MesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import type { MountPlan } from "../mesa/mount-plan";
import { unmountScript } from "../mesa/mount-script";
import type { Host } from "../support/host";
import { within } from "../support/processes/within";
import { execScript } from "./commands/exec";
import type { Branch } from "./repos";

/** A sentence for each thing that could not be cleaned up, with the next step. */
export type Leftovers = readonly string[];

/** What a session has created so far. */
export interface CreatedParts {
  /** The name of sandbox and credential. */
  readonly name: string;
  readonly access: MesaAccess;
  /** API keys that are not yet revoked; the last one is in use. */
  readonly keyIds: string[];
  /** Bookmarks created for commands, none of which has run yet. */
  readonly unused: Branch[];
  /** Set as soon as it is requested. */
  temporary?: TemporarySandbox;
  mounted?: { readonly sandbox: SandboxInstance; readonly plan: MountPlan };
}

/** Time limit for the whole clean-up, in ms. */
const LIMIT_MS = 60_000;
/** Time limit for flushing, in ms. It precedes the revocation, which a hanging sandbox must not delay. */
const FLUSH_MS = { atTheEnd: 20_000, afterCtrlC: 5_000 };

/**
 * Flushes and unmounts within a short limit, because buffered data reaches Mesa only while the credential is valid. Then revokes the
 * credential and deletes the sandbox, in parallel and independently. Ignores the run's signal, because Ctrl-C leads here.
 */
export async function cleanUp(runHost: Host, created: CreatedParts): Promise<Leftovers> {
  const host: Host = { ...runHost, signal: AbortSignal.timeout(LIMIT_MS) };
  const { name, access, keyIds, unused, temporary, mounted } = created;
  const api = mesaApi(host, access);
  const clean = `mesa-template sandbox clean ${name}`;
  const flushMs = runHost.signal.aborted ? FLUSH_MS.afterCtrlC : FLUSH_MS.atTheEnd;
  const left = mounted === undefined ? [] : await flush(host, mounted, flushMs);
  const attempt = (what: string, work: Promise<unknown>): Promise<Leftovers> =>
    work.then(
      () => [],
      (error: unknown) => [`${what}: ${host.redact(reasonOf(error))}`],
    );
  const others = await Promise.all([
    ...keyIds.map((keyId) =>
      attempt(
        `the credential ${keyId} could not be revoked (${clean}; it expires by itself)`,
        api.revokeKey(keyId),
      ),
    ),
    ...unused.map(({ repo, bookmark }) =>
      attempt(
        `the bookmark ${bookmark} of ${repo} could not be deleted`,
        api.deleteBookmark(repo.split("/")[1] ?? "", bookmark),
      ),
    ),
    temporary === undefined
      ? []
      : attempt(`the sandbox ${temporary.name} could not be deleted (${clean})`, temporary.remove()),
  ]);
  return [...left, ...others.flat()];
}

/** Unmounts. A dead sandbox has nothing to flush. @returns a sentence for each possible loss */
export async function flush(
  host: Host,
  { sandbox, plan }: NonNullable<CreatedParts["mounted"]>,
  limitMs: number,
  state: "works" | "broken" = "works",
): Promise<Leftovers> {
  const lost = "the last writes may not have reached Mesa";
  const late = new Error(`the mount was not flushed within ${String(limitMs / 1000)} s: ${lost}`);
  try {
    const unmounted = execScript(host, sandbox, unmountScript(plan, state));
    const { exitCode } = await within(host.clock, unmounted, limitMs, undefined, () => late);
    return exitCode === 47 ? [`the mount had to be forced off: ${lost}`] : [];
  } catch (error) {
    return error === late ? [late.message] : [];
  }
}
