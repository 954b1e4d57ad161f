import { blaxelCore } from "../blaxel/core";
import { deleteSandbox, SANDBOX_LABEL, reasonOf } from "../blaxel/sandboxes";
import { requireMesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import { messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { ORG_LABEL } from "./session";

/** What made a sandbox that it would have deleted itself: a run, or a verification. */
const LEFT_BY = new Set(["run", "verify"]);

/** The name of what a run makes: its sandbox and its credential; the credentials that it makes later are numbered. */
const OURS = /^(mesa-run-[0-9a-f]{12})(?:-[0-9]+)?$/u;

export interface LeftCredential {
  readonly org: string;
  readonly id: string;
  /** The sandbox's name; with a number, when it is one that renewed another. */
  readonly name: string;
}

/** What runs left behind. */
export interface Left {
  readonly sandboxes: readonly string[];
  readonly credentials: readonly LeftCredential[];
  /** What could not be searched, in words. */
  readonly unseen: readonly string[];
}

async function sandboxesLeft(
  host: Host,
): Promise<readonly { readonly name: string; readonly org: string }[]> {
  const { SandboxInstance } = await blaxelCore(host);
  const found: { name: string; org: string }[] = [];
  const page = await SandboxInstance.list();
  await page.autoPagingEach(({ metadata: { name, labels } }) => {
    if (LEFT_BY.has(labels?.[SANDBOX_LABEL] ?? "")) found.push({ name, org: labels?.[ORG_LABEL] ?? "" });
  });
  return found;
}

async function credentialsOf(host: Host, org: string): Promise<readonly LeftCredential[]> {
  const access = requireMesaAccess(host.env, undefined, org);
  // A private key signs tokens, which Mesa keeps no list of: they end by themselves.
  if (access.credential.kind === "private-key") return [];
  const keys = await mesaApi(host, access).listKeys();
  return keys.filter((key) => OURS.test(key.name) && !key.revoked).map(({ id, name }) => ({ org, id, name }));
}

/**
 * Looks for sandboxes by their label, and for credentials by their name in MESA_ORG and in every organization a sandbox was for.
 * @param only a sandbox's name, to leave everything else alone
 * @throws what Blaxel refuses; what Mesa refuses is told in `unseen`
 */
export async function leftOfRuns(host: Host, only: string | undefined): Promise<Left> {
  const sandboxes = await sandboxesLeft(host);
  const orgs = new Set([host.env["MESA_ORG"] ?? "", ...sandboxes.map(({ org }) => org)]);
  orgs.delete("");
  const unseen = orgs.size === 0 ? ["credentials were not looked for: MESA_ORG is not set"] : [];
  const credentials = await Promise.all(
    [...orgs].map((org) =>
      credentialsOf(host, org).catch((error: unknown) => {
        unseen.push(`credentials of ${org} were not looked for: ${messageOf(error)}`);
        return [];
      }),
    ),
  );
  const wanted = (name: string): boolean => only === undefined || (OURS.exec(name)?.[1] ?? name) === only;
  return {
    sandboxes: sandboxes.map(({ name }) => name).filter(wanted),
    credentials: credentials.flat().filter(({ name }) => wanted(name)),
    unseen,
  };
}

/**
 * Revokes and deletes, each whatever became of the others.
 * @returns what is gone, and what could not be removed, in words
 */
export async function removeLeft(
  host: Host,
  { sandboxes, credentials }: Left,
): Promise<{
  readonly sandboxes: readonly string[];
  readonly credentials: readonly LeftCredential[];
  readonly problems: readonly string[];
}> {
  const gone = { sandboxes: [] as string[], credentials: [] as LeftCredential[], problems: [] as string[] };
  for (const credential of credentials) {
    try {
      const access = requireMesaAccess(host.env, undefined, credential.org);
      await mesaApi(host, access).revokeKey(credential.id);
      gone.credentials.push(credential);
    } catch (error) {
      host.signal.throwIfAborted();
      gone.problems.push(`credential ${credential.id} (${credential.name}): ${messageOf(error)}`);
    }
  }
  for (const name of sandboxes) {
    try {
      await deleteSandbox(host, name);
      gone.sandboxes.push(name);
    } catch (error) {
      host.signal.throwIfAborted();
      gone.problems.push(`sandbox ${name}: ${reasonOf(error)}`);
    }
  }
  return gone;
}
