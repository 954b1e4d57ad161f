import { refusal } from "../blaxel/refusals";
import { deleteSandbox, listTemporary, reasonOf, SANDBOX_LABEL } from "../blaxel/sandboxes";
import { mesaFit, requireMesaAccess } from "../mesa/access";
import { mesaApi, type MesaApi } from "../mesa/api";
import { foundInMesa, unmarked } from "../mesa/leftovers";
import { isOfDead } from "../support/processes/alive";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { ORG_LABEL } from "./session";

/** Makers of temporary sandboxes: runs and verifications. */
const LEFT_BY = new Set(["run", "verify"]);

/** Names of a session's sandbox and credential; later credentials carry a number. */
const OF_SESSION = /^(mesa-run-[0-9a-f]{12})(?:-[0-9]+)?(?:\.|$)/u;
/** Names of a mount check's repository and credential. A check takes seconds, so only those of dead processes are leftovers. */
const OF_MOUNT_CHECK = /^smoke-.+-[0-9a-f]{12}-(?:container|sandbox)\./u;

interface LeftCredential {
  readonly org: string;
  readonly id: string;
  /** Name of the session, with a number if it renewed another credential; or of the mount check. */
  readonly name: string;
}

interface LeftRepo {
  readonly org: string;
  readonly name: string;
}

/** Leftovers of runs. */
export interface Left {
  readonly sandboxes: readonly string[];
  readonly credentials: readonly LeftCredential[];
  /** Repositories of mount checks. */
  readonly repos: readonly LeftRepo[];
  /** A phrase for each place that could not be searched. */
  readonly unseen: readonly string[];
}

/** Leftovers of runs in an organization. @param only see leftOfRuns */
function leftIn(host: Host, org: string, only: string | undefined) {
  return foundInMesa(host, requireMesaAccess(host.env, undefined, org), (name) =>
    only === undefined
      ? OF_SESSION.test(name) || (OF_MOUNT_CHECK.test(name) && isOfDead(name))
      : OF_SESSION.exec(name)?.[1] === only || (OF_MOUNT_CHECK.test(name) && unmarked(name) === only),
  );
}

/**
 * Finds sandboxes by their label, and credentials and repositories by their name, in the organization of the Mesa credential and those of the sandboxes.
 * @param only name of a session or mount check; everything else is ignored
 * @throws Failure BLAXEL_… (exit 3 or 7), NO_BLAXEL_CREDENTIALS (exit 3); Mesa's refusals are listed in `unseen`
 */
export async function leftOfRuns(host: Host, only: string | undefined): Promise<Left> {
  const temporary = await listTemporary(host).catch((error: unknown) => {
    host.signal.throwIfAborted();
    const reason = reasonOf(error);
    throw error instanceof Failure ? error : refusal(`Blaxel does not list its sandboxes: ${reason}`, reason);
  });
  const sandboxes = temporary.filter(({ labels }) => LEFT_BY.has(labels[SANDBOX_LABEL] ?? ""));
  const own = mesaFit(host.env, undefined);
  const orgs = new Set([own.access?.org ?? "", ...sandboxes.map(({ labels }) => labels[ORG_LABEL] ?? "")]);
  orgs.delete("");
  const unseen =
    own.access === undefined && orgs.size === 0
      ? [`credentials were not searched for: ${own.failure.message}`]
      : [];
  const [credentials, repos]: [LeftCredential[], LeftRepo[]] = [[], []];
  for (const org of orgs) {
    try {
      const found = await leftIn(host, org, only);
      credentials.push(...found.keys.map(({ id, name }) => ({ org, id, name: unmarked(name) })));
      repos.push(...found.repos.map((name) => ({ org, name })));
    } catch (error) {
      host.signal.throwIfAborted();
      unseen.push(`credentials of ${org} were not searched for: ${messageOf(error)}`);
    }
  }
  const names = sandboxes.map(({ name }) => name).filter((name) => only === undefined || name === only);
  return { sandboxes: names, credentials, repos, unseen };
}

/**
 * Revokes and deletes everything; one failure does not stop the others.
 * @returns what was removed, and a sentence for each failure
 */
export async function removeLeft(host: Host, { sandboxes, credentials, repos }: Left) {
  const problems: string[] = [];
  const each = async <T>(
    found: readonly T[],
    whatIs: (one: T) => string,
    remove: (one: T) => Promise<void>,
  ): Promise<readonly T[]> => {
    const gone: T[] = [];
    for (const one of found) {
      try {
        await remove(one);
        gone.push(one);
      } catch (error) {
        host.signal.throwIfAborted();
        problems.push(`${whatIs(one)}: ${reasonOf(error)}`);
      }
    }
    return gone;
  };
  const apiOf = (org: string): MesaApi => mesaApi(host, requireMesaAccess(host.env, undefined, org));
  return {
    credentials: await each(
      credentials,
      ({ id, name }) => `credential ${id} (${name})`,
      ({ org, id }) => apiOf(org).revokeKey(id),
    ),
    sandboxes: await each(
      sandboxes,
      (name) => `sandbox ${name}`,
      (name) => deleteSandbox(host, name),
    ),
    repos: await each(
      repos,
      ({ org, name }) => `repository ${org}/${name}`,
      ({ org, name }) => apiOf(org).deleteRepo(name),
    ),
    problems,
  };
}
