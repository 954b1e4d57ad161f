import { mesaAccess, type MesaAccess } from "../mesa/access";
import type { MesaApi } from "../mesa/api";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";

/** Names without the organization, which must be one. @throws Failure REPO_NAME (exit 2) */
export function splitRepos(repos: readonly string[]): {
  readonly org: string;
  readonly names: readonly string[];
} {
  const parts = repos.map((repo) => /^([A-Za-z0-9_-]+)\/([A-Za-z0-9._-]+)$/u.exec(repo));
  const bad = repos.find((_, index) => parts[index] == null);
  if (bad !== undefined || repos.length === 0)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: bad === undefined ? "No repository was given." : `"${bad}" is not a repository.`,
      hint: "Write --repo ORG/REPO.",
    });
  const orgs = [...new Set(parts.map((part) => part?.[1] ?? ""))];
  if (orgs.length > 1)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: `The repositories belong to several organizations: ${orgs.join(", ")}.`,
      hint: "One credential is for one organization; use one sandbox for each.",
    });
  return { org: orgs[0] ?? "", names: parts.map((part) => part?.[2] ?? "") };
}

/** How Mesa is reached for an organization. @throws Failure NO_MESA_CREDENTIALS (exit 3) */
export function accessFor(host: Host, org: string): MesaAccess {
  const access = mesaAccess({ ...host.env, MESA_ORG: org });
  if (access !== undefined) return access;
  throw new Failure({
    code: "NO_MESA_CREDENTIALS",
    kind: "environment",
    message: "There is no Mesa credential: MESA_API_KEY is not set.",
    hint: "Set MESA_API_KEY to a key that may make keys (scope admin); sandboxes get short-lived ones of their own.",
  });
}

/** The ids of repositories, which a credential is limited to; made when `create` says so. @throws Failure MESA_NOT_FOUND (exit 3) */
export async function repoIds(
  api: MesaApi,
  org: string,
  names: readonly string[],
  create: boolean,
): Promise<readonly string[]> {
  return Promise.all(
    names.map(async (name) => {
      const found = await api.getRepo(name);
      if (found !== undefined) return found.id;
      if (create) return (await api.createRepo(name)).id;
      throw new Failure({
        code: "MESA_NOT_FOUND",
        kind: "environment",
        message: `There is no repository ${org}/${name} (or the key may not see it).`,
        hint: "Check the name, or give --create-repo.",
      });
    }),
  );
}
